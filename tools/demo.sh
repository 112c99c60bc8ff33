#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Find, embed and compare the faces of a few photos and print what was found.
#   demo.sh BUILD_FOLDER
# Networks and photos are those of ../shared; without them it says so.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 shared=../shared
facet=$build/facet out=$build/demo

if [ ! -f $shared/models/yunet_2026may.onnx ] || [ ! -d $shared/photos ]; then
  cat <<END
facet is built: $facet

facet ships no networks yet, and ../shared, which has some, is not here. To see
it work, bring a YuNet detector and a face embedder in ONNX:

  export FACET_DETECTOR=yunet.onnx FACET_MODEL=embedder.onnx
  $facet detect photo.jpg
  $facet verify one.jpg other.jpg
END
  exit 0
fi
export FACET_DETECTOR=$shared/models/yunet_2026may.onnx
export FACET_MODEL=$shared/models/reid0095.onnx
photos=$shared/photos
mkdir -p "$out"

echo "Networks: $FACET_DETECTOR, $FACET_MODEL"
echo
echo "== facet detect --draw $out/marked: faces of each photo"
"$facet" detect --draw "$out/marked" "$photos" >"$out/detect.jsonl"
python3 - "$out/detect.jsonl" <<'END'
import json, os, sys
for line in open(sys.argv[1]):
    photo = json.loads(line)
    faces = photo['faces']
    sizes = ', '.join('%dx%d' % tuple(f['box'][2:]) for f in faces[:4])
    print('  %s  %4dx%-4d  %2d  %s%s' % (
        os.path.basename(photo['image']), photo['width'], photo['height'],
        len(faces), sizes, ', ...' if len(faces) > 4 else ''))
END
echo
echo "== facet embed: who is alike? cosine of the largest faces, in percent"
"$facet" embed --policy largest "$photos"/photo-0[1-9].jpg >"$out/embed.jsonl"
python3 - "$out/embed.jsonl" <<'END'
import json, os, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
rows = [(os.path.basename(r['image'])[:8], r['faces'][0]['embedding'])
        for r in rows if r.get('faces')]
print(' ' * 10 + ' '.join(name[-2:].rjust(4) for name, _ in rows))
for name, a in rows:
    print('  ' + name + ' '.join(
        '%4d' % round(100 * sum(x * y for x, y in zip(a, b)))
        for _, b in rows))
END
echo
for pair in "01 02" "01 04" "06 07"; do
  read -r a b <<<"$pair"
  printf '== facet verify photo-%s photo-%s: ' "$a" "$b"
  "$facet" verify --policy largest \
    "$photos/photo-$a.jpg" "$photos/photo-$b.jpg" || [ $? = 1 ]
done
echo
echo "Pictures with the faces marked are in $out/marked."
