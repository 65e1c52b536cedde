"use strict";

// ReDoc draws its makers' logo, from their site, and has no setting against it; the page's policy would refuse it.
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || !/^(https?:)?\/\//.test(value)) {
    Element.prototype.setAttribute.call(this, name, value);
  }
};
Object.defineProperty(HTMLImageElement.prototype, "src", {
  get() { return this.getAttribute("src"); },
  set(value) { this.setAttribute("src", value); },
});

const place = document.getElementById("redoc");
Redoc.init(place.dataset.openapi, { nativeScrollbars: true }, place);
