# SPDX-License-Identifier: Apache-2.0
# fish completion for facet

set -l verbs detect align embed verify identify enroll gallery cluster \
    eval calibrate dataset train model synth bench selftest
complete -c facet -n '__facet_with ""' -f -a "$verbs"

# What is typed after facet: a verb, or gallery.list and the like; the parts of
# train by their own names, and gallery enroll by that of enroll.
function __facet_path
    set -l words (commandline -opc)
    switch "$words[2] $words[3]"
        case 'train teacher' 'train tpe' 'train tse' 'train tde' \
            'train vgg-triplet' 'gallery enroll'
            echo $words[3]
        case 'gallery *' 'model *' 'cluster name' 'cluster merge' \
            'cluster split' 'cluster explain' 'cluster list'
            echo "$words[2].$words[3]"
        case '*'
            echo "$words[2]"
    end
end

function __facet_with
    contains -- (__facet_path) $argv
end

set -l nets '__facet_with detect align embed verify identify enroll cluster eval \
    calibrate dataset tpe tse tde vgg-triplet bench selftest \
    gallery.create gallery.audit gallery.migrate'
complete -c facet -n $nets -l detector -r -d 'ONNX file that finds faces'
set -l embed '__facet_with align embed verify identify enroll cluster eval \
    calibrate dataset tpe tse tde vgg-triplet bench selftest \
    gallery.create gallery.audit gallery.migrate'
complete -c facet -n $embed -l model -s m -r -d 'ONNX file that embeds faces'
complete -c facet -n $nets -l precision -x -a 'auto fp32 bf16 int8'

set -l faces '__facet_with detect align embed verify identify enroll cluster eval \
    calibrate dataset tpe tse tde vgg-triplet'
complete -c facet -n $faces -l min-face -x -d 'smallest face, pixels'
complete -c facet -n $faces -l max-faces -x -d 'only the best of a photo'
complete -c facet -n $faces -l score -x -d 'how sure to be that it is a face'
complete -c facet -n $faces -l policy -x -a 'all largest central single'
set -l crops '__facet_with embed verify identify enroll cluster eval \
    calibrate dataset tpe tse tde vgg-triplet'
complete -c facet -n $crops -l aligned -d 'the photos are aligned crops'

set -l many '__facet_with detect align embed identify enroll cluster'
complete -c facet -n $many -l files-from -r -d 'photos listed in a file'
complete -c facet -n $many -l null -s 0 -d 'names end with a zero byte'
complete -c facet -n $many -l threads -s t -x -d 'photos at a time'
complete -c facet -n "$many verify" -l max-megapixels -x -d 'refuse larger photos'
complete -c facet -n "$many verify" -l max-megabytes -x -d 'refuse larger files'
complete -c facet -n $many -l quiet -s q -d 'no progress'

set -l each '__facet_with detect align embed'
complete -c facet -n '__facet_with detect align' -l format -x \
    -a 'jsonl json csv'
complete -c facet -n '__facet_with embed' -l format -x -a 'jsonl json csv npy'
complete -c facet -n $each -l draw -x -a '(__fish_complete_directories)'

complete -c facet -n '__facet_with align' -l out -s o -x \
    -a '(__fish_complete_directories)'

set -l fits '__facet_with tpe tse tde vgg-triplet'
set -l runs '__facet_with train teacher'
complete -c facet -n $runs -l out -s o -x -a '(__fish_complete_directories)'
complete -c facet -n '__facet_with train' -l resume -s r -d 'go on'
complete -c facet -n $runs -l quiet -s q -d 'no progress'
complete -c facet -n '__facet_with train' -a 'teacher tpe tse tde vgg-triplet'
complete -c facet -n $fits -l out -s o -r
for option in dim steps rate alpha seed margin views threads
    complete -c facet -n $fits -l $option -x
end
for option in images embeddings names cache
    complete -c facet -n $fits -l $option -r
end
for option in random-start unaligned compact
    complete -c facet -n $fits -l $option
end

complete -c facet -n '__facet_with align model.import' -l template -x
complete -c facet -n '__facet_with align' -l margin -x
complete -c facet -n '__facet_with synth' -l flat
complete -c facet -n '__facet_with align' -l frontal -d 'turn to the front'
complete -c facet -n '__facet_with align' -l landmarks -r
complete -c facet -n '__facet_with verify bench model.info model.quantize' -l json -s j
complete -c facet -n '__facet_with verify model.import' -l threshold -x
complete -c facet -n '__facet_with verify' -l fmr -s f -x
complete -c facet -n '__facet_with bench' -l runs -s n -x

for option in \
    pairs frames max-frames fusion boxes table matches gallery \
    probes images margin embeddings names cache threads \
    report plot cohort fail-if rounds seed out jpeg pixels dims views best
    complete -c facet -n '__facet_with eval calibrate' -l $option -r
end
for option in out first keep duplicate block images margin embeddings names \
    cache threads views
    complete -c facet -n '__facet_with dataset' -l $option -r
end
complete -c facet -n '__facet_with dataset' -l compact
complete -c facet -n '__facet_with dataset' -l unaligned
for option in flat profile duplicates compact json unaligned
    complete -c facet -n '__facet_with eval calibrate' -l $option
end

for option in people images groups group-of seed size group-size yaw pitch \
    roll expression light quality samples threads
    complete -c facet -n '__facet_with synth' -l $option -x
end
complete -c facet -n '__facet_with synth' -l format -x -a 'jpg png webp'
complete -c facet -n '__facet_with synth' -l out -s o -x \
    -a '(__fish_complete_directories)'
complete -c facet -n '__facet_with synth' -l quiet -s q -d 'no progress'

complete -c facet -n '__facet_with model.' -f -a 'info import quantize set'
complete -c facet -n '__facet_with model.info' -l precision -s p -x \
    -a 'auto fp32 bf16 int8'
for option in count margin loss threads
    complete -c facet -n '__facet_with model.quantize' -l $option -x
end
complete -c facet -n '__facet_with model.set' -l golden -x
for option in images detector
    complete -c facet -n '__facet_with model.quantize' -l $option -r
end
for option in preset mean scale size license source
    complete -c facet -n '__facet_with model.import' -l $option -x
end
complete -c facet -n '__facet_with model.import' -l color -x -a 'rgb bgr'

set -l keeps '__facet_with identify enroll gallery.create gallery.list \
    gallery.rename gallery.remove gallery.export gallery.import \
    gallery.stats gallery.check gallery.audit gallery.migrate'
complete -c facet -n '__facet_with gallery.' -f -a \
    'create enroll list rename remove export import stats check audit migrate'
complete -c facet -n $keeps -l store -r
complete -c facet -n $keeps -l gallery-name -x
complete -c facet -n $keeps -l key-file -r
complete -c facet -n $keeps -l passphrase-file -r
for option in fpir threshold
    complete -c facet -n '__facet_with identify enroll gallery.audit' \
        -l $option -x
end
complete -c facet -n '__facet_with identify enroll' -l min-quality -x
complete -c facet -n '__facet_with identify' -l review -x
complete -c facet -n '__facet_with identify' -l margin -x
complete -c facet -n '__facet_with enroll gallery.list gallery.export' \
    -l person -x
complete -c facet -n '__facet_with enroll' -l force
complete -c facet -n '__facet_with gallery.remove' -l templates
complete -c facet -n '__facet_with gallery.create' -l approximate
complete -c facet -n '__facet_with gallery.create' -l partitions -x
for option in dry-run rollback abandon drop-missing
    complete -c facet -n '__facet_with gallery.migrate' -l $option
end
complete -c facet -n '__facet_with gallery.migrate' -l threads -s t -x
complete -c facet -n '__facet_with gallery.migrate' -l quiet -s q \
    -d 'no progress'

complete -c facet -n '__facet_with cluster' -a \
    'name merge split explain list'
complete -c facet -n '__facet_with cluster' -l album -x \
    -a '(__fish_complete_directories)'
complete -c facet -n '__facet_with cluster' -l method -x \
    -a 'average complete single rank-order dbscan hdbscan whispers'
complete -c facet -n '__facet_with cluster' -l threshold -x
complete -c facet -n '__facet_with cluster' -l together
complete -c facet -n '__facet_with cluster.name' -l gallery -r
complete -c facet -n '__facet_with cluster.split' -l parts -x
