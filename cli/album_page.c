/* SPDX-License-Identifier: Apache-2.0 */
/* album_page.c - an album as a page that needs nothing but itself, as JSON in a
 * file, and as lines.
 *
 * The page holds small copies of the crops; of a large cluster the best so
 * many. Names typed into it stay in the browser, which puts together the
 * command that makes them names of people. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "album.h"
#include "output.h"
#include "page.h"

enum { FACES_SHOWN = 48, THUMB_SIZE = 112 };

/* A face and how good it is, to be sorted. */
typedef struct shown {
    size_t face;
    float quality;
    uint64_t photo;
} shown;

static int by_quality(const void *left, const void *right)
{
    const shown *a = left, *b = right;

    if (a->quality != b->quality)
        return a->quality > b->quality ? -1 : 1;
    return a->face < b->face ? -1 : a->face > b->face;
}

/* The faces of a cluster, best first; *n of them. */
static void list_faces(const album *a, uint64_t cluster, shown *list, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < a->count; i++)
        if (a->faces[i].cluster == cluster)
            list[(*n)++] = (shown){ i, a->faces[i].quality, a->faces[i].photo };
    qsort(list, *n, sizeof *list, by_quality);
}

/* ---- JSON ---- */

static json_t *json_album_face(const album *a, size_t index)
{
    const album_face *f = &a->faces[index];
    json_t *face = json_pack("{s:I, s:o, s:[o, o, o, o]}", "face",
        (json_int_t)f->id, "image", json_path(f->source), "box",
        json_rounded((double)f->box[0], 1), json_rounded((double)f->box[1], 1),
        json_rounded((double)f->box[2], 1), json_rounded((double)f->box[3], 1));

    if (f->quality == f->quality)
        json_object_set_new(
            face, "quality", json_rounded((double)f->quality, 3));
    return face;
}

static json_t *json_cluster(const album *a, const album_cluster *c)
{
    json_t *faces = json_array();
    json_t *object = json_pack("{s:I, s:o, s:o}", "cluster", (json_int_t)c->id,
        "name", c->name ? json_path(c->name) : json_null(), "faces", faces);

    for (size_t i = 0; i < a->count; i++)
        if (a->faces[i].cluster == c->id)
            json_array_append_new(faces, json_album_face(a, i));
    if (c->like)
        json_object_set_new(object, "like",
            json_pack("{s:I, s:o}", "cluster", (json_int_t)c->like,
                "similarity", json_rounded((double)c->like_similarity, 4)));
    return object;
}

static json_t *json_alone(const album *a)
{
    json_t *list = json_array();

    for (size_t i = 0; i < a->count; i++)
        if (a->faces[i].cluster == 0)
            json_array_append_new(list, json_album_face(a, i));
    return list;
}

int album_print(const album *a)
{
    for (size_t i = 0; i < a->n_clusters; i++)
        if (!json_line(json_cluster(a, &a->clusters[i])))
            return EXIT_NO_MEMORY;
    return json_line(json_pack("{s:n, s:o}", "cluster", "faces", json_alone(a)))
               ? EXIT_YES
               : EXIT_NO_MEMORY;
}

/* ---- The page ---- */

/* A template's crop, small. A crop that cannot be read leaves its place empty.
 */
static facet_status put_thumb(void *context, const facet_template *t)
{
    facet_image *crop = NULL;

    if (t->crop_size && facet_image_read_memory(t->crop, t->crop_size, NULL,
                            &crop, NULL) == FACET_OK)
        page_picture(context, crop, THUMB_SIZE);
    facet_image_free(crop);
    return FACET_OK;
}

static void put_face(const album *a, FILE *to, size_t index)
{
    const album_face *f = &a->faces[index];

    fprintf(to, "<figure data-face=\"%" PRIu64 "\" title=\"", f->id);
    page_text(to, f->source);
    fprintf(to, " &middot; face %" PRIu64 "\"><img alt=\"\" src=\"", f->id);
    (void)!facet_gallery_template(a->g, f->id, put_thumb, to, NULL);
    fputs("\"></figure>", to);
}

static void put_likeness(const album *a, FILE *to, const album_cluster *c)
{
    const album_cluster *other = album_find(a, c->like);

    if (!other)
        return;
    fprintf(to,
        "<a class=\"like\" href=\"#c%" PRIu64
        "\" title=\"mean similarity %.2f\">like ",
        other->id, (double)c->like_similarity);
    if (other->name)
        page_text(to, other->name);
    else
        fprintf(to, "cluster %" PRIu64, other->id);
    fputs("?</a>", to);
}

static int by_photo(const void *left, const void *right)
{
    const shown *a = left, *b = right;

    return a->photo < b->photo ? -1 : a->photo > b->photo;
}

/* How many photos the faces are in; reorders them. */
static size_t count_photos(shown *list, size_t n)
{
    size_t photos = 0;

    qsort(list, n, sizeof *list, by_photo);
    for (size_t i = 0; i < n; i++)
        photos += i == 0 || list[i].photo != list[i - 1].photo;
    return photos;
}

static void put_name(FILE *to, const album_cluster *c)
{
    const char *name = c->name ? c->name : "";

    fputs("<input spellcheck=\"false\" aria-label=\"name\" "
          "placeholder=\"Who is this?\" value=\"",
        to);
    page_text(to, name);
    fputs("\" data-was=\"", to);
    page_text(to, name);
    fputs("\">", to);
}

static void put_cluster(
    const album *a, FILE *to, const album_cluster *c, shown *list)
{
    size_t n, photos;

    list_faces(a, c->id, list, &n);
    photos = count_photos(list, n);
    qsort(list, n, sizeof *list, by_quality);
    fprintf(to,
        "<section class=\"person%s\" id=\"c%" PRIu64 "\" data-id=\"%" PRIu64
        "\"><header>",
        c->name ? " named" : "", c->id, c->id);
    put_face(a, to, list[0].face);
    fputs("<div class=\"who\">", to);
    put_name(to, c);
    fprintf(to,
        "<p><span class=\"id\">#%" PRIu64 "</span>%zu face%s in %zu photo%s",
        c->id, n, n == 1 ? "" : "s", photos, photos == 1 ? "" : "s");
    put_likeness(a, to, c);
    fputs("</p></div></header><div class=\"faces\">", to);
    for (size_t i = 1; i < n && i < FACES_SHOWN; i++)
        put_face(a, to, list[i].face);
    if (n > FACES_SHOWN)
        fprintf(to, "<span class=\"more\">+%zu</span>", n - FACES_SHOWN);
    fputs("</div></section>\n", to);
}

static const char style[] =
    "main{max-width:1240px;margin:0 auto;padding:8px 28px 28px;display:grid;"
    "grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:20px;"
    "align-items:start}\n"
    ".person{background:var(--card);border-radius:20px;padding:20px;"
    "box-shadow:var(--glow);content-visibility:auto;"
    "contain-intrinsic-size:340px 260px;scroll-margin:20px}\n"
    ".person:target{outline:2px solid var(--tint)}"
    ".person header{display:flex;gap:16px;align-items:center}\n"
    "img{transform:scale(1.22)}\n"
    ".person header figure{width:84px;flex:none;border-radius:50%}\n"
    ".who{flex:1;min-width:0}.who input{width:100%;border:0;padding:2px 4px;"
    "margin:0 -4px;border-radius:6px;background:none;color:inherit;"
    "font-size:20px;font-weight:600;line-height:1.3;font-family:inherit;"
    "letter-spacing:-.01em}\n"
    ".who input::placeholder{color:var(--soft);font-weight:400}"
    ".who p{margin:4px 0 0;color:var(--soft);font-size:13px;display:flex;"
    "gap:10px;flex-wrap:wrap;align-items:center}\n"
    ".id{font-variant-numeric:tabular-nums;border:1px solid var(--line);"
    "border-radius:6px;padding:0 6px}.like{color:var(--tint);"
    "text-decoration:none;font-weight:550}\n"
    ".faces{display:grid;grid-template-columns:repeat(6,1fr);gap:6px;"
    "margin-top:16px;max-height:108px;overflow:hidden;cursor:pointer}"
    ".open .faces{max-height:none}.faces:empty{display:none}\n"
    ".faces figure{border-radius:10px;transition:transform .15s}"
    ".faces figure:hover{transform:scale(1.08)}.more{align-self:center;"
    "justify-self:center;color:var(--soft);font-size:13px}\n"
    ".changed .who input{color:var(--tint)}\n"
    ".alone{max-width:1240px;margin:0 auto;padding:0 28px 90px}"
    ".alone summary{cursor:pointer;color:var(--soft);font-size:17px;"
    "padding:8px 0 14px}.alone div{display:grid;gap:8px;"
    "grid-template-columns:repeat(auto-fill,minmax(76px,1fr))}\n";

/* Filter, open, remember names, put the command together. */
static const char script[] =
    "<div id=\"bar\"><span></span><button>Copy command</button></div>\n"
    "<script>\n"
    "(()=>{const $=(s,e=document)=>[...e.querySelectorAll(s)],"
    "people=$('.person'),bar=$('#bar')[0],key='facet-names:'+folder;\n"
    "let kept={};try{kept=JSON.parse(localStorage.getItem(key)||'{}')}"
    "catch(e){}\n"
    "const box=p=>$('.who input',p)[0];\n"
    "const changed=()=>people.filter(p=>box(p).value.trim()&&"
    "box(p).value.trim()!==box(p).dataset.was);\n"
    "const show=()=>{const c=changed();people.forEach(p=>"
    "p.classList.toggle('changed',c.includes(p)));"
    "bar.classList.toggle('up',c.length>0);$('span',bar)[0].textContent="
    "c.length+(c.length===1?' new name':' new names');"
    "const k={};c.forEach(p=>k[p.dataset.id]=box(p).value);"
    "try{localStorage.setItem(key,JSON.stringify(k))}catch(e){}};\n"
    "people.forEach(p=>{const i=box(p);if(kept[p.dataset.id])"
    "i.value=kept[p.dataset.id];i.oninput=show;"
    "$('.faces',p)[0].onclick=()=>p.classList.toggle('open')});\n"
    "const quote=t=>\"'\"+t.replace(/'/g,\"'\\\\''\")+\"'\";\n"
    "$('button',bar)[0].onclick=async e=>{const line='facet cluster name '+"
    "quote(folder)+changed().map(p=>' '+p.dataset.id+' '+"
    "quote(box(p).value.trim())).join('');"
    "try{await navigator.clipboard.writeText(line);"
    "e.target.textContent='Copied: run it in a terminal'}"
    "catch(x){prompt('Run this in a terminal',line)}};\n"
    "$('.top input')[0].oninput=e=>{const w=e.target.value.trim()"
    ".toLowerCase();people.forEach(p=>p.classList.toggle('gone',"
    "!!w&&!(box(p).value+' #'+p.dataset.id+' '+"
    "$('figure',p).map(f=>f.title).join(' ')).toLowerCase().includes(w)))};\n"
    "show()})();\n</script></body></html>\n";

static void put_alone(const album *a, FILE *to, shown *list)
{
    size_t n;

    list_faces(a, 0, list, &n);
    if (n == 0)
        return;
    fprintf(to,
        "<details class=\"alone\"%s><summary>%zu face%s seen once"
        "</summary><div>",
        n <= 200 ? " open" : "", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n && i < 500; i++)
        put_face(a, to, list[i].face);
    fputs("</div></details>\n", to);
}

/* The folder as a string of the script. */
static void put_folder(const album *a, FILE *to)
{
    json_t *name = json_path(a->folder);
    char *text = json_dumps(name, JSON_ENCODE_ANY | JSON_ESCAPE_SLASH);

    fprintf(to, "<script>const folder=%s</script>\n", text ? text : "''");
    free(text);
    json_decref(name);
}

static bool put_page(const void *context, FILE *to)
{
    const album *a = context;
    shown *list = calloc(a->count + 1, sizeof *list);
    size_t photos = 0;

    if (!list)
        return false;
    for (size_t i = 0; i < a->count; i++)
        photos = a->faces[i].photo > photos ? a->faces[i].photo : photos;
    page_begin(to, "People", style);
    fprintf(to,
        "<div class=\"top\"><h1>People</h1><span class=\"sum\">%zu %s, "
        "%zu faces in %zu photos</span><input type=\"search\" "
        "placeholder=\"Find a name or a photo\"></div>\n<main>\n",
        a->n_clusters, a->n_clusters == 1 ? "person" : "people", a->count,
        photos);
    for (size_t i = 0; i < a->n_clusters; i++)
        put_cluster(a, to, &a->clusters[i], list);
    fputs("</main>\n", to);
    put_alone(a, to, list);
    put_folder(a, to);
    fputs(script, to);
    free(list);
    return !ferror(to);
}

static bool put_json(const void *context, FILE *to)
{
    const album *a = context;
    json_t *clusters = json_array(), *whole;
    bool good;

    for (size_t i = 0; i < a->n_clusters; i++)
        json_array_append_new(clusters, json_cluster(a, &a->clusters[i]));
    whole =
        json_pack("{s:o, s:o}", "clusters", clusters, "alone", json_alone(a));
    good = whole && json_dumpf(whole, to, JSON_INDENT(1)) == 0;
    json_decref(whole);
    return good && fputc('\n', to) != EOF;
}

int album_write(const album *a)
{
    const int status = page_file(a->folder, "clusters.json", put_json, a);

    return status == EXIT_YES ? page_file(a->folder, "index.html", put_page, a)
                              : status;
}
