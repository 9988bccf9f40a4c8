"use strict";
// What analysis/embed.py has put into the page.
window.saesweep = window.saesweep || {};
(function (saesweep) {
  const scripts = new Map();

  async function text(name) {
    const packed = atob(document.getElementById("data-" + name).textContent.trim());
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  // The value of analysis/embed.py: blob(name, value).
  saesweep.unpack = async function (name) {
    return JSON.parse(await text(name));
  };

  // Runs a library once, however often it is asked for.
  saesweep.script = function (name) {
    if (!scripts.has(name)) {
      scripts.set(name, text(name).then((code) => {
        const element = document.createElement("script");
        element.textContent = code;
        document.head.append(element);
      }));
    }
    return scripts.get(name);
  };
})(window.saesweep);
