/* SPDX-License-Identifier: Apache-2.0 */
/* dataset_page.c - proposed pictures as a contact sheet: a block is accepted or
 * rejected as a whole, single pictures are left out by a click. Decisions stay
 * in the browser, which also writes the list of what was accepted: lines `file
 * name`, as facet reads them. */
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "exits.h"
#include "facet/align.h"
#include "found.h"
#include "page.h"

enum { PICTURE = 96 };

typedef struct sheet {
    const dataset *d;
    facet_pipeline *finder; /* of faces in whole photos; NULL for crops */
    FILE *to;
} sheet;

/* ---- Pictures ---- */

/* The head of the best face; NULL when there is none. */
static facet_image *cut_head(const sheet *s, const facet_image *photo)
{
    const facet_align_template *loose = facet_template_find(CROP_TEMPLATE);
    facet_faces *faces = NULL;
    facet_image *crop = NULL;

    if (facet_pipeline_faces(s->finder, photo, &faces, NULL) == FACET_OK &&
        facet_faces_count(faces) > 0)
        (void)!facet_align(
            photo, facet_faces_face(faces, 0)->landmarks, loose, &crop, NULL);
    facet_faces_free(faces);
    return crop;
}

/* A picture that cannot be read leaves its place empty. */
static void put_picture(const sheet *s, const char *file)
{
    uint8_t *bytes = NULL;
    facet_image *image = NULL, *head = NULL;
    size_t size;

    if (facet_pictures_read(s->d->run.pictures, file, &bytes, &size, NULL) ==
            FACET_OK &&
        facet_image_read_memory(bytes, size, NULL, &image, NULL) == FACET_OK) {
        if (s->finder)
            head = cut_head(s, image);
        page_picture(s->to, head ? head : image, PICTURE);
    }
    facet_image_free(head);
    facet_image_free(image);
    facet_pictures_free_bytes(bytes);
}

static void put_face(const sheet *s, uint32_t file)
{
    const char *name = s->d->run.protocol.files[file];

    fputs("<figure data-file=\"", s->to);
    page_text(s->to, name);
    fputs("\" title=\"", s->to);
    page_text(s->to, name);
    fprintf(s->to, " &middot; score %.2f\"><img alt=\"\" src=\"",
        (double)s->d->became[file].score);
    put_picture(s, name);
    fputs("\"></figure>", s->to);
}

/* ---- Names ---- */

/* Places [from, to) of d->order are one name's. */
typedef struct span {
    size_t from, to;
    size_t counts[FACET_COLLECT_DUPLICATE + 1];
} span;

static span span_at(const dataset *d, size_t from)
{
    span s = { .from = from, .to = from };

    while (s.to < d->run.protocol.n_files &&
           d->names[d->order[s.to]] == d->names[d->order[from]])
        s.counts[d->became[d->order[s.to++]].stage]++;
    return s;
}

static void put_block(const sheet *s, const uint32_t *files, size_t n)
{
    const facet_collected *became = s->d->became;

    fprintf(s->to,
        "<div class=\"block\"><p><b>Block %u</b> %zu picture%s, scores %.2f "
        "to %.2f<button class=\"yes\">Accept</button><button class=\"no\">"
        "Reject</button></p><div class=\"faces\">",
        (unsigned)became[files[0]].block + 1, n, n == 1 ? "" : "s",
        (double)became[files[0]].score, (double)became[files[n - 1]].score);
    for (size_t i = 0; i < n; i++)
        put_face(s, files[i]);
    fputs("</div></div>\n", s->to);
}

static void put_blocks(const sheet *s, const uint32_t *files, size_t n)
{
    for (size_t i = 0; i < n; i += s->d->opts.block)
        put_block(
            s, files + i, n - i < s->d->opts.block ? n - i : s->d->opts.block);
}

static void put_name(const sheet *s, const span *at, uint32_t *files)
{
    const dataset *d = s->d;
    const char *name = d->run.protocol.subjects[d->names[d->order[at->from]]];
    size_t n = 0;

    for (size_t i = at->from; i < at->to; i++)
        if (d->became[d->order[i]].stage == FACET_COLLECT_PROPOSED)
            files[n++] = d->order[i];
    fputs("<section data-name=\"", s->to);
    page_text(s->to, name);
    fputs("\"><header><h2>", s->to);
    page_text(s->to, name);
    fprintf(s->to,
        "</h2><p>%zu found, %zu without a face, %zu unlike the others, %zu "
        "near duplicates; %zu left</p></header>\n",
        at->to - at->from, at->counts[FACET_COLLECT_NO_FACE],
        at->counts[FACET_COLLECT_UNLIKE], at->counts[FACET_COLLECT_DUPLICATE],
        n);
    put_blocks(s, files, n);
    fputs("</section>\n", s->to);
}

/* ---- The page ---- */

static const char style[] =
    "main{max-width:1240px;margin:0 auto;padding:8px 28px 110px}"
    "section{background:var(--card);border-radius:20px;padding:22px 24px;"
    "box-shadow:var(--glow);margin-bottom:20px;content-visibility:auto;"
    "contain-intrinsic-size:1180px 400px}\n"
    "h2{font-size:21px;letter-spacing:-.01em;margin:0;font-weight:600}"
    "header{display:flex;gap:4px 18px;align-items:baseline;flex-wrap:wrap}"
    "header p,.block p{margin:0;color:var(--soft);font-size:13px}\n"
    ".block{margin-top:16px;padding:12px 14px 14px;border-radius:14px;"
    "border:1px solid var(--line)}.block p{display:flex;gap:10px;"
    "align-items:center;margin-bottom:10px}.block b{color:var(--ink)}"
    ".block p button:first-of-type{margin-left:auto}\n"
    ".block button{border:1px solid var(--line);background:none;"
    "color:inherit;border-radius:99px;padding:4px 16px;font:inherit;"
    "cursor:pointer}.block button:hover{border-color:var(--soft)}\n"
    ".faces{display:grid;gap:6px;"
    "grid-template-columns:repeat(auto-fill,minmax(84px,1fr))}"
    ".faces figure{cursor:pointer;border-radius:10px;position:relative}\n"
    ".accepted{border-color:#3f8f5b;background:rgba(63,143,91,.07)}"
    ".accepted .yes{background:#3f8f5b;border-color:#3f8f5b;color:#fff}"
    ".rejected .faces{opacity:.28}"
    ".rejected .no{background:var(--soft);border-color:var(--soft);"
    "color:var(--card)}\n"
    ".out img{opacity:.18}.out::after{content:'\\00d7';position:absolute;"
    "inset:0;display:grid;place-items:center;font-size:38px;"
    "color:var(--tint)}\n";

/* Accept, reject, leave out, remember, save. Blocks and pictures are remembered
 * by their pictures, so that decisions outlast a new run. */
static const char script[] =
    "<div id=\"bar\"><span></span><button>Save list</button></div>\n"
    "<script>\n"
    "(()=>{const $=(s,e=document)=>[...e.querySelectorAll(s)],"
    "bar=$('#bar')[0],blocks=$('.block'),key='facet-dataset:'+"
    "location.pathname;\n"
    "let kept={};try{kept=JSON.parse(localStorage.getItem(key)||'{}')}"
    "catch(e){}\n"
    "const id=b=>b.closest('section').dataset.name+'\\n'+"
    "$('figure',b)[0].dataset.file,\n"
    "accepted=()=>blocks.flatMap(b=>b.classList.contains('accepted')?"
    "$('figure:not(.out)',b).map(f=>f.dataset.file+'\\t'+"
    "b.closest('section').dataset.name):[]),\n"
    "show=()=>{const n=accepted().length,open=blocks.filter(b=>"
    "!b.matches('.accepted,.rejected')).length;"
    "bar.classList.toggle('up',open<blocks.length);"
    "$('span',bar)[0].textContent=n+(n===1?' picture':' pictures')+"
    "' accepted, '+open+(open===1?' block':' blocks')+' to go';"
    "try{localStorage.setItem(key,JSON.stringify(kept))}catch(e){}},\n"
    "decide=(b,what)=>{b.classList.toggle('accepted',what==='y');"
    "b.classList.toggle('rejected',what==='n');kept[id(b)]=what};\n"
    "blocks.forEach(b=>{decide(b,kept[id(b)]||'');"
    "for(const[c,w]of[['yes','y'],['no','n']])$('.'+c,b)[0].onclick=()=>{"
    "decide(b,kept[id(b)]===w?'':w);show()};"
    "$('figure',b).forEach(f=>{const k='-'+f.dataset.file;"
    "f.classList.toggle('out',!!kept[k]);f.onclick=()=>{"
    "kept[k]=f.classList.toggle('out');show()}})});\n"
    "$('button',bar)[0].onclick=()=>{const a=document.createElement('a');"
    "a.href=URL.createObjectURL(new Blob([accepted().map(l=>l+'\\n').join('')],"
    "{type:'text/tab-separated-values'}));a.download='accepted.tsv';"
    "a.click();URL.revokeObjectURL(a.href)};\n"
    "$('.top input')[0].oninput=e=>{const w=e.target.value.trim()"
    ".toLowerCase();$('section').forEach(s=>s.classList.toggle('gone',"
    "!!w&&!s.dataset.name.toLowerCase().includes(w)))};\n"
    "show()})();\n</script></body></html>\n";

static bool put_sheet(const void *context, FILE *to)
{
    sheet s = *(const sheet *)context;
    const facet_protocol *p = &s.d->run.protocol;
    uint32_t *files = calloc(p->n_files + 1, sizeof *files);
    size_t proposed = 0;

    if (!files)
        return false;
    s.to = to;
    for (size_t i = 0; i < p->n_files; i++)
        proposed += s.d->became[i].stage == FACET_COLLECT_PROPOSED;
    page_begin(to, "Candidates", style);
    fprintf(to,
        "<div class=\"top\"><h1>Candidates</h1><span class=\"sum\">%zu "
        "pictures for %zu names, %zu to look at</span><input type=\"search\" "
        "placeholder=\"Find a name\"></div>\n<main>\n",
        p->n_files, p->n_subjects, proposed);
    for (size_t i = 0; i < p->n_files;) {
        const span at = span_at(s.d, i);

        put_name(&s, &at, files);
        i = at.to;
    }
    fputs("</main>\n", to);
    fputs(script, to);
    free(files);
    return !ferror(to);
}

int dataset_page(dataset *d)
{
    sheet s = { .d = d };
    int status = EXIT_YES;

    if (d->run.margin < 0 && !d->run.nets.opts.aligned)
        status = networks_open(&d->run.nets, 0, &s.finder);
    if (status == EXIT_YES)
        status = page_file(d->folder, "index.html", put_sheet, &s);
    facet_pipeline_close(s.finder);
    return status;
}
