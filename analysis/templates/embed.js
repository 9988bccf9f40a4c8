"use strict";
// Gives what analysis/embed.py packed into the page: each element is unpacked once, when it is asked for.
window.saesweep = window.saesweep || {};
(function () {
  const unpacked = {}, ran = {};

  async function text(name) {
    const element = document.getElementById("data-" + name);
    if (!element) throw new Error("the page holds no data named " + name);
    const bytes = Uint8Array.from(atob(element.textContent), (sign) => sign.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  // The value of a blob, as a promise.
  window.saesweep.unpack = (name) => (unpacked[name] = unpacked[name] || text(name).then(JSON.parse));

  // Runs a library, as a promise.
  window.saesweep.script = (name) =>
    (ran[name] = ran[name] || text(name).then((source) => {
      const script = document.createElement("script");
      script.textContent = source;
      document.head.append(script);
    }));
})();
