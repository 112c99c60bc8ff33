#compdef facet
# SPDX-License-Identifier: Apache-2.0
# zsh completion for facet

local -a model files finding networks limits photos own finder store decides judges
local -a reviews enrolls
model=('--model=[ONNX file that embeds faces]:file:_files -g "*.onnx"')
files=(
    '--detector=[ONNX file that finds faces]:file:_files -g "*.onnx"'
    $model
    '--precision=[numbers to compute in]:name:(auto fp32 bf16 int8)'
)
finding=(
    '--detector=[ONNX file that finds faces]:file:_files -g "*.onnx"'
    '--precision=[numbers to compute in]:name:(auto fp32 bf16 int8)'
    '--min-face=[smallest face to report]:pixels:'
    '--max-faces=[only the best of a photo]:number:'
    '--score=[how sure to be that it is a face]:score:'
    '--policy=[which faces count]:name:(all largest central single)'
)
networks=(
    $finding
    $model
    '--aligned[the photos are aligned crops]'
)
limits=(
    '--max-megapixels=[refuse larger photos]:number:'
    '--max-megabytes=[refuse larger files]:number:'
)
photos=(
    '--files-from=[photos listed in a file]:file:_files'
    '--null[names in the list end with a zero byte]'
    '--format=[of the output]:name:(jsonl json csv npy)'
    '--threads=[photos at a time]:number:'
    '--draw=[folder of marked copies]:folder:_files -/'
    $limits
    '--quiet[no progress on the terminal]'
)

finder=(
    '--files-from=[photos listed in a file]:file:_files'
    '--null[names in the list end with a zero byte]'
    '--threads=[photos at a time]:number:'
    $limits
    '--quiet[no progress on the terminal]'
)
store=(
    '--store=[file or server, in place of FILE]:where:_files'
    '--gallery-name=[which gallery of the file]:name:'
    '--key-file=[key of the encryption]:file:_files'
    '--passphrase-file=[passphrase of the encryption]:file:_files'
)
decides=(
    '--fpir=[how often a stranger may be known]:rate:'
    '--threshold=[similarity of a match]:similarity:'
)
judges=('--min-quality=[of a face]:quality:')
reviews=(
    '--review=[similarity for a person to look]:similarity:'
    '--margin=[lead over the second person]:similarity:'
)
enrolls=($judges '--person=[whose photos]:name:'
    '--force[also what speaks against itself]')

if (( CURRENT == 2 )); then
    _values verb \
        'detect[find the faces of photos]' \
        'align[cut faces out, upright and of one size]' \
        'embed[turn the faces of photos into embeddings]' \
        'verify[say whether two photos show one person]' \
        'identify[say who the people of photos are]' \
        'enroll[add people to a gallery]' \
        'gallery[keep galleries of people]' \
        'cluster[group the faces of photos by person]' \
        'eval[measure how good embeddings are]' \
        'calibrate[give similarities a meaning]' \
        'dataset[make a data set of what searches for names found]' \
        'train[train a network after a recipe]' \
        'model[look at a network, or make a foreign one fit]' \
        'synth[make pictures of people who do not exist]' \
        'bench[time the networks on this machine]' \
        'selftest[check the engine on this machine]'
    return
fi
case $words[2] in
    detect) own=($photos $finding) ;;
    embed) own=($photos $networks) ;;
    align) own=('--out=[where the crops go]:folder:_files -/'
        '--template=[how faces lie in the crops]:name:'
        '--margin=[larger on each side, for training]:pixels:'
        '--frontal[turn faces to the front]'
        '--landmarks=[ONNX file that finds 68 points]:file:_files -g "*.onnx"'
        $photos $finding $model) ;;
    verify) own=('--threshold=[similarity of a match]:similarity:'
        '--fmr=[false match rate to set the threshold by]:rate:'
        '--json[answer in JSON]' $limits $networks) ;;
    eval|calibrate) own=('--pairs=[see facet eval --help]:value:_files'
        '--flat[see facet eval --help]'
        '--profile[see facet eval --help]'
        '--frames=[see facet eval --help]:value:_files'
        '--max-frames=[see facet eval --help]:value:_files'
        '--fusion=[see facet eval --help]:value:_files'
        '--boxes=[see facet eval --help]:value:_files'
        '--table=[see facet eval --help]:value:_files'
        '--matches=[see facet eval --help]:value:_files'
        '--gallery=[see facet eval --help]:value:_files'
        '--probes=[see facet eval --help]:value:_files'
        '--duplicates[see facet eval --help]'
        '--images=[see facet eval --help]:value:_files'
        '--margin=[see facet eval --help]:value:_files'
        '--embeddings=[see facet eval --help]:value:_files'
        '--names=[see facet eval --help]:value:_files'
        '--cache=[see facet eval --help]:value:_files'
        '--compact[see facet eval --help]'
        '--threads=[see facet eval --help]:value:_files'
        '--views=[looks at each face]:number:(1 10 20 30)'
        '--unaligned[by boxes, not upright]'
        '--best=[fusion best: faces]:number:'
        '--jpeg=[study: qualities]:numbers:'
        '--pixels=[study: sizes of crops]:numbers:'
        '--dims=[study: numbers of an embedding]:numbers:'
        '--json[see facet eval --help]'
        '--report=[see facet eval --help]:value:_files'
        '--plot=[see facet eval --help]:value:_files'
        '--cohort=[see facet eval --help]:value:_files'
        '--fail-if=[see facet eval --help]:value:_files'
        '--rounds=[see facet eval --help]:value:_files'
        '--seed=[see facet eval --help]:value:_files'
        '--out=[see facet eval --help]:value:_files'
        $networks) ;;
    dataset) own=('--out=[where the answer goes]:folder:_files -/'
        '--views=[looks at each face]:number:(1 10 20 30)'
        '--unaligned[by boxes, not upright]'
        '--first=[trusted candidates of a name]:number:'
        '--keep=[share that stays after ranking]:share:'
        '--duplicate=[1 - cosine of near duplicates]:distance:'
        '--block=[pictures shown together]:number:'
        '--images=[where the pictures are]:file:_files'
        '--margin=[ArcFace crops with this margin]:pixels:'
        '--embeddings=[made before]:file:_files'
        '--names=[of the rows of a .npy]:file:_files'
        '--cache=[keep embeddings there]:folder:_files -/'
        '--compact[a byte a number]'
        '--threads=[at a time]:number:'
        $networks) ;;
    train)
        if (( CURRENT == 3 )); then
            _values 'what to train, or a recipe' teacher tpe tse tde vgg-triplet
        fi
        case $words[3] in
            teacher) own=('--out=[where the answers go]:folder:_files -/'
                '--quiet[no progress on the terminal]') ;;
            tpe|tse|tde|vgg-triplet)
                own=('--out=[the new network]:file:_files -g "*.onnx"'
                '--dim=[of the new embeddings]:number:'
                '--steps=[of learning]:number:'
                '--rate=[of learning]:number:'
                '--alpha=[tse, tde, vgg-triplet: margin]:number:'
                '--random-start[not from principal components]'
                '--seed=[of what is drawn]:number:'
                '--images=[where the pictures are]:file:_files'
                '--margin=[ArcFace crops with this margin]:pixels:'
                '--views=[looks at each face]:number:(1 10 20 30)'
                '--unaligned[by boxes, not upright]'
                '--embeddings=[made before]:file:_files'
                '--names=[of the rows of a .npy]:file:_files'
                '--cache=[keep embeddings there]:folder:_files -/'
                '--compact[a byte a number]'
                '--threads=[at a time]:number:'
                $networks) ;;
            *) own=('--out=[where the run lives]:folder:_files -/'
                '--resume[go on from the checkpoint]'
                '--quiet[no progress on the terminal]') ;;
        esac ;;
    synth) own=('--out=[where the pictures go]:folder:_files -/'
        '--people=[how many people]:number:'
        '--images=[pictures of each]:number:'
        '--groups=[pictures of several]:number:'
        '--group-of=[how many in such a picture]:number:'
        '--seed=[other people, other pictures]:number:'
        '--size=[of portraits]:WxH:'
        '--group-size=[of group pictures]:WxH:'
        '--yaw=[turned to the side by at most]:degrees:'
        '--pitch=[up and down by at most]:degrees:'
        '--roll=[tilted by at most]:degrees:'
        '--expression=[how much expressions vary]:share:'
        '--light=[how much light varies]:share:'
        '--flat[no folders]'
        '--format=[of the pictures]:name:(jpg png webp)'
        '--quality=[of jpg and webp]:quality:'
        '--samples=[N x N samples a pixel]:number:'
        '--threads=[pictures at a time]:number:'
        '--quiet[no progress on the terminal]') ;;
    identify) own=($store $decides $judges $reviews $finder $networks) ;;
    enroll) own=($enrolls $store $decides $finder $networks) ;;
    gallery)
        if (( CURRENT == 3 )); then
            _values verb create enroll list rename remove export \
                import stats check audit migrate
            return
        fi
        own=($store)
        case $words[3] in
            create) own+=('--approximate[search by an HNSW index]'
                '--partitions=[of people on a new server]:number:'
                $files) ;;
            enroll) own+=($enrolls $decides $finder $networks) ;;
            list|export) own+=('--person=[which person]:name:') ;;
            remove) own+=('--templates[arguments are templates]') ;;
            audit) own+=($decides $files) ;;
            migrate) own+=('--dry-run[do not switch]'
                '--rollback[back to what was in use]'
                '--abandon[delete a migration under way, or what is kept]'
                '--drop-missing[switch without those that have no crop]'
                '--threads=[cores to embed on]:number:'
                '--quiet[no progress on the terminal]' $files) ;;
        esac ;;
    cluster)
        case $words[3] in
            name) own=('--gallery=[add the people there, too]:file:_files') ;;
            split) own=('--parts=[how many]:number:') ;;
            merge|explain|list) own=() ;;
            *) own=('--album=[keep what is found]:folder:_files -/'
                '--method=[of grouping]:name:(average complete single
                    rank-order dbscan hdbscan whispers)'
                '--threshold=[similarity of one person]:similarity:'
                '--together[faces of a photo may be one person]'
                $finder $networks) ;;
        esac ;;
    bench) own=('--runs=[time so many runs]:number:'
        '--json[answer in JSON Lines]' $files) ;;
    selftest) own=($files) ;;
    model)
        if (( CURRENT == 3 )); then
            _values part info import quantize set
            return
        fi
        case $words[3] in
            info) own=('--json[answer in JSON]'
                '--precision=[numbers to compute in]:name:(auto fp32 bf16 int8)'
                ) ;;
            quantize) own=('*--images=[pictures]:place:_files'
                '--count=[how many]:number:'
                '--margin=[of crops]:pixels:'
                '--detector=[finds faces]:file:_files'
                '--loss=[of the outputs]:number:'
                '--threads=[cores]:number:'
                '--json[answer in JSON]') ;;
            set) own=('--golden=[answers to compare with]:number:') ;;
            import) own=('--preset=[begin with a known kind]:name:'
                '--color=[channel order]:order:(rgb bgr)'
                '--mean=[of the pixels]:numbers:'
                '--scale=[of the pixels]:numbers:'
                '--size=[of the input]:WxH:'
                '--template=[how faces lie in the input]:name:'
                '--threshold=[similarity of a match]:similarity:'
                '--license=[of the weights]:text:'
                '--source=[of the weights]:text:') ;;
        esac ;;
esac
_arguments $own '--help[tell more]' '*:photo:_files'
