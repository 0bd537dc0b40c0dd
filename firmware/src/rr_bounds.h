/* The bounds of spec section 5, proved from the image's own numbers.  Twin of refimpl/quantize/bounds.py. */
#ifndef RR_BOUNDS_H
#define RR_BOUNDS_H

#include "rr_model.h"

/* Whether no register of any call can overflow; else the site and the bound it breaks stand in `problem`. */
int rr_proved(const rr_model *m, char *problem, uint32_t room);

#endif
