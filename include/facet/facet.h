/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_FACET_H
#define FACET_FACET_H

/**
 * @file
 * All of facet. Each header can be included on its own as well; they are
 * listed from the ground up.
 */

#include "facet/status.h"  /* what every call answers */
#include "facet/version.h" /* which facet this is */

#include "facet/geometry.h" /* points and boxes */
#include "facet/image.h"    /* pictures: read, view, write */

#include "facet/model.h" /* networks, and sessions that run them */

#include "facet/align.h"       /* templates and aligned crops */
#include "facet/calibration.h" /* what a similarity means */
#include "facet/cluster.h"     /* which faces belong together */
#include "facet/collect.h"     /* candidates for names to a data set */
#include "facet/comm.h"        /* several processes, one training */
#include "facet/compact.h"     /* an embedding in a byte a number */
#include "facet/detection.h"   /* marked faces, and how well they are found */
#include "facet/detector.h"    /* where the faces are */
#include "facet/draw.h"        /* faces, marked in a picture */
#include "facet/embedder.h"    /* crops to embeddings, and comparing them */
#include "facet/eval.h"        /* how good is it? rates, curves, intervals */
#include "facet/frontal.h"     /* faces turned to the front */
#include "facet/gallery.h"     /* whom we know, and who a face is */
#include "facet/golden.h"      /* does a network still answer as it did? */
#include "facet/metric.h"      /* distances of other kinds, and their weights */
#include "facet/pictures.h"    /* the files of a data set */
#include "facet/pipeline.h"    /* a photo to its embeddings */
#include "facet/projection.h"  /* embeddings to better ones */
#include "facet/protocol.h"    /* what is compared with what */
#include "facet/quality.h"     /* how much a face can be relied on */
#include "facet/quantize.h"    /* networks in 8 bits */
#include "facet/report.h"      /* plots and pages */
#include "facet/settings.h"    /* how a network wants to be fed */
#include "facet/synth.h"       /* faces of nobody, with their truth */
#include "facet/train.h"       /* recipes to networks */

#endif
