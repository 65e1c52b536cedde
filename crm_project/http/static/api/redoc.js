"use strict";

// ReDoc draws its makers' logo, from their site, and has no setting against it; the page's policy would refuse it.
// A picture that fails to load is removed by ReDoc itself.
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || !/^(https?:)?\/\//.test(value)) {
    Element.prototype.setAttribute.call(this, name, value);
  } else {
    setTimeout(() => this.dispatchEvent(new Event("error")));
  }
};
Object.defineProperty(HTMLImageElement.prototype, "src", {
  get() { return this.getAttribute("src"); },
  set(value) { this.setAttribute("src", value); },
});

const place = document.getElementById("redoc");
Redoc.init(place.dataset.openapi, { nativeScrollbars: true, showExtensions: true }, place);
