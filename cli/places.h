/* SPDX-License-Identifier: Apache-2.0 */
/* places.h - where the files go that are made of photos. */
#ifndef FACET_CLI_PLACES_H
#define FACET_CLI_PLACES_H

/* FOLDER/name for what is made of a photo: the photo's whole path, with _ for
 * /, so that photos of one name in two folders seldom meet (claims.h). Of a
 * path too long for a file name its end is taken, after a hash of it all. To be
 * freed; NULL without memory. */
char *place_in(const char *folder, const char *photo, const char *ending);

/* Likewise for its copy with the faces marked, in a format that can be written.
 */
char *place_of_drawing(const char *folder, const char *photo);

#endif
