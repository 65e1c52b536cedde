"use strict";

const place = document.getElementById("redoc");
Redoc.init(place.dataset.openapi, { nativeScrollbars: true }, place);
