/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exits.h"

enum { PICTURE_QUALITY = 82 };

void page_text(FILE *to, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        default:
            fputc(*text, to);
        }
}

static void base64(FILE *to, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t three = (uint32_t)bytes[i] << 16 |
                               (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? bytes[i + 2] : 0);

        fputc(digits[three >> 18], to);
        fputc(digits[three >> 12 & 63], to);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', to);
        fputc(left > 2 ? digits[three & 63] : '=', to);
    }
}

void page_picture(FILE *to, const facet_image *image, int size)
{
    facet_image *small = NULL;
    uint8_t *jpeg = NULL;
    size_t bytes;

    if (facet_image_resize(image, size, size, &small) == FACET_OK &&
        facet_image_encode(small, FACET_IMAGE_JPEG, PICTURE_QUALITY, &jpeg,
            &bytes, NULL) == FACET_OK) {
        fputs("data:image/jpeg;base64,", to);
        base64(to, jpeg, bytes);
    }
    facet_image_bytes_free(jpeg);
    facet_image_free(small);
}

static const char shared_style[] =
    ":root{--bg:#f6f4f0;--card:#fff;--ink:#22201d;--soft:#8b857c;"
    "--line:#e7e2da;--tint:#b5522b;--glow:0 1px 2px rgba(60,45,30,.06),"
    "0 8px 24px rgba(60,45,30,.07)}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#161514;--card:#211f1d;"
    "--ink:#f0ece6;--soft:#9a938a;--line:#34302c;--tint:#e58a5f;"
    "--glow:0 1px 2px rgba(0,0,0,.4)}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);"
    "color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',"
    "Roboto,'DejaVu Sans',sans-serif;-webkit-font-smoothing:antialiased}\n"
    ".top{max-width:1240px;margin:0 auto;padding:44px 28px 20px;display:flex;"
    "flex-wrap:wrap;gap:16px 28px;align-items:flex-end}\n"
    "h1{font-size:38px;line-height:1;letter-spacing:-.03em;margin:0;"
    "font-weight:650}.sum{color:var(--soft);flex:1;white-space:nowrap}\n"
    ".top input{width:230px;padding:9px 16px;border:1px solid var(--line);"
    "border-radius:99px;background:var(--card);color:inherit;font:inherit}\n"
    "input:focus{outline:2px solid var(--tint);outline-offset:1px}\n"
    "figure{margin:0;aspect-ratio:1;border-radius:12px;overflow:hidden;"
    "background:var(--line)}img{width:100%;height:100%;object-fit:cover;"
    "display:block}\n"
    "#bar{position:fixed;left:50%;bottom:22px;transform:translate(-50%,140%);"
    "display:flex;gap:16px;align-items:center;background:var(--ink);"
    "color:var(--bg);padding:10px 12px 10px 22px;border-radius:99px;"
    "transition:transform .25s,visibility .25s;visibility:hidden;"
    "box-shadow:0 10px 40px rgba(0,0,0,.3)}"
    "#bar.up{transform:translate(-50%,0);visibility:visible}\n"
    "#bar button{border:0;border-radius:99px;padding:8px 18px;"
    "background:var(--tint);color:#fff;font-size:14px;font-weight:600;"
    "font-family:inherit;cursor:pointer}.gone{display:none}\n";

void page_begin(FILE *to, const char *title, const char *style)
{
    fprintf(to,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<title>%s</title>\n<style>\n%s%s"
        "</style></head><body>\n",
        title, shared_style, style);
}

/* Whole or not at all: into the draft first. */
static int put_file(
    const char *path, const char *draft, page_put *put, const void *context)
{
    FILE *to;
    bool good;

    errno = 0;
    to = fopen(draft, "w");
    good = to && put(context, to);
    if (to)
        good = fclose(to) == 0 && good;
    if (good && rename(draft, path) == 0)
        return EXIT_YES;
    complain("%s: %s", path, strerror(errno ? errno : ENOMEM));
    if (to)
        (void)unlink(draft);
    return EXIT_IO;
}

int page_file(
    const char *folder, const char *name, page_put *put, const void *context)
{
    const size_t room = strlen(folder) + strlen(name) + 8;
    char *path = malloc(room), *draft = malloc(room);
    int status = EXIT_NO_MEMORY;

    if (path && draft) {
        snprintf(path, room, "%s/%s", folder, name);
        snprintf(draft, room, "%s/%s.new", folder, name);
        status = put_file(path, draft, put, context);
    } else
        complain("%s", facet_status_str(FACET_ENOMEM));
    free(path);
    free(draft);
    return status;
}
