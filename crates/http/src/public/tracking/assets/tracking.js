// Keeps the tracking page up to date. It works without this: the browser then
// loads it again by itself. Written for old phones: no modules, no promises.
(function () {
  "use strict";
  var main = document.querySelector("main[data-live]");
  if (!main || !window.DOMParser) return;
  var offline = main.querySelector("[data-offline]");
  var page = location.pathname;
  // Ages are in words, so they grow old by themselves.
  var EVERY_MS = 20000;
  var asking = false;
  // What the server sent of each part, before local times were put in.
  var sent = {};

  function parts(root) {
    return Array.prototype.slice.call(root.querySelectorAll("[data-part]"));
  }

  // The server knows UTC; this phone knows where it is.
  function localise(root) {
    var times = root.querySelectorAll("time");
    for (var i = 0; i < times.length; i += 1) {
      var at = new Date(times[i].getAttribute("datetime"));
      var options = { hour: "2-digit", minute: "2-digit" };
      if (at.toDateString() !== new Date().toDateString()) {
        options.day = "numeric";
        options.month = "long";
      }
      try {
        times[i].textContent = at.toLocaleString(document.documentElement.lang, options);
      } catch (unknown) {
        return;
      }
    }
  }

  function take(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var named = {};
    parts(fresh).forEach(function (part) {
      named[part.getAttribute("data-part")] = part;
    });
    parts(main).forEach(function (part) {
      var name = part.getAttribute("data-part");
      var now = named[name] ? named[name].innerHTML : sent[name];
      // A button that is being pressed must not be exchanged for the same one.
      if (now === sent[name]) return;
      sent[name] = now;
      part.innerHTML = now;
      localise(part);
    });
    document.title = fresh.title;
  }

  function ask() {
    if (asking || document.hidden) return;
    asking = true;
    var request = new XMLHttpRequest();
    request.open("GET", page);
    request.timeout = 15000;
    request.onload = function () {
      asking = false;
      if (request.status === 200) {
        offline.hidden = true;
        take(request.responseText);
      } else if (request.status === 404) {
        location.reload();
      } else {
        offline.hidden = false;
      }
    };
    request.onerror = request.ontimeout = function () {
      asking = false;
      offline.hidden = false;
    };
    request.send();
  }

  parts(main).forEach(function (part) {
    sent[part.getAttribute("data-part")] = part.innerHTML;
  });
  localise(main);
  setInterval(ask, EVERY_MS);
  document.addEventListener("visibilitychange", ask);
  window.addEventListener("online", ask);
  if (window.EventSource) {
    new EventSource(page + "/live").addEventListener("change", ask);
  }
})();
