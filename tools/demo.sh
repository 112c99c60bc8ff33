#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Find, compare, verify and group the faces of a small album of rendered people,
# with the networks of models/, and say what to do with one's own photos.
#   demo.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
facet=$1/facet out=$1/demo
album=$out/album
export FACET_DETECTOR=models/detector.onnx FACET_MODEL=models/embedder.onnx

rm -rf "$out"
mkdir -p "$out"
echo "== $album: six people who do not exist, four portraits each, two groups"
tools/make_album.sh "$facet" "$album"

echo
echo "== facet detect --draw $out/marked $album"
"$facet" detect --quiet --draw "$out/marked" "$album" >"$out/detect.jsonl"
python3 - "$out/detect.jsonl" "$album/truth.jsonl" <<'END'
import json, sys
found = [json.loads(line) for line in open(sys.argv[1])]
there = [json.loads(line) for line in open(sys.argv[2])]
for what, wanted in (('portraits', lambda p: '/person-' in p['image']),
                     ('groups', lambda p: '/groups/' in p['image'])):
    print('  %-9s  %2d pictures, %2d faces found, %2d there' % (
        what, sum(map(wanted, found)),
        sum(len(p['faces']) for p in found if wanted(p)),
        sum(len(p['faces']) for p in there if wanted(p))))
END

echo
echo "== facet embed: who is alike? cosine of two portraits of each, in percent"
"$facet" embed --quiet --policy largest "$album"/person-*/000[01].jpg \
  >"$out/embed.jsonl"
python3 - "$out/embed.jsonl" <<'END'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
rows = [('/'.join(r['image'].split('/')[-2:])[7:16], r['faces'][0]['embedding'])
        for r in rows if r.get('faces')]
print(' ' * 12 + ' '.join(name[:4] for name, _ in rows))
for name, a in rows:
    print('  ' + name + ' ' + ' '.join(
        '%4d' % round(100 * sum(x * y for x, y in zip(a, b)))
        for _, b in rows))
END

# Rendered people look alike to a network that knows photos; one pair of strangers
# among them in a hundred reaches this (tools/measure_synth.py; docs/synth.md).
threshold=0.64
echo
verify() {
  printf '== facet verify --threshold %s %s %s: ' $threshold "${1#"$album"/}" \
    "${2#"$album"/}"
  "$facet" verify --threshold $threshold --policy largest "$1" "$2" || [ $? = 1 ]
}
verify "$album/person-0000/0000.jpg" "$album/person-0000/0001.jpg"
verify "$album/person-0001/0000.jpg" "$album/person-0002/0000.jpg"

echo
# Half way between what is usual for one of 60 other people and for two of them.
together=0.6
echo "== facet cluster --threshold $together --album $out/people $album"
"$facet" cluster --quiet --threshold $together --album "$out/people" "$album" >"$out/clusters.jsonl"
python3 tools/demo_groups.py "$out/clusters.jsonl" "$album/truth.jsonl"

cat <<END

Look at    $out/marked           the pictures, faces marked
           $out/people/index.html  the faces, grouped

Now with your own photos:

  build/facet detect --draw marked photo.jpg
  build/facet verify one.jpg other.jpg
  build/facet cluster --album people ~/Pictures
  build/facet gallery create family.db && build/facet enroll family.db people/
END
