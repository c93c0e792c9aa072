// Hopline in a shop's page: keeps the click id, reports conversions, registers clicks of links without redirect.
// README.md beside this file says how to use it, what it keeps and for how long. The edge serves t.js, which is made
// from this file; after a change make it again (the command is in README.md).
//
// Old browsers run it, so: ES5, and nothing newer is taken for granted. Nothing here throws into the page.
(function (window, document, location) {
  'use strict';

  var before = window.hopline || {};
  var script = document.currentScript || document.querySelector('script[src*="/t.js"]');
  // Included twice, it runs once; copied into a page, it knows no edge.
  if (before.v || !script) return;

  var NAME = 'hl_click';
  // How long a conversion waits for the answer to a click of the same page.
  var PATIENCE_MS = 5000;

  // The folder of the script: the edge's other paths lie beside it, also where a shop's server hands them on.
  var edge = script.src.split(/[?#]/)[0].replace(/\/[^\/]*$/, '');
  var keep_s = (+setting('days') || 30) * 86400;

  // The click id that this page brought or was given.
  var own_id;
  // The click that this page's address asks for, until it is made.
  var direct;
  // Consent strings, handed on with every request.
  var consent = {};
  // Whether storage may be read and written.
  var may_store = setting('consent') != 'required';
  // Whether the page has still to say what the visitor decided.
  var is_undecided = !may_store;
  var is_started;
  var clicks_open = 0;
  // Calls that came too early: before this script, before a page rendered ahead is seen, before a click's answer.
  var waiting = before.q || [];

  // --- commands

  var commands = {
    get: function (_, done) {
      var id = known();
      done(id);
      return id;
    },

    convert: function (fields, done) {
      fields = copy(fields, { click_id: known() });
      if (!fields.click_id) return done({ ok: false, error: 'no click id' });
      var url = address('/pixel.gif', fields);
      ask(url, function (status, refusal) {
        if (status) return done(refusal ? { ok: false, error: refusal } : { ok: status == 200 });
        // A content security policy may allow images alone. What has arrived already is not counted again.
        var image = new Image();
        image.onload = function () {
          done({ ok: true, unconfirmed: true });
        };
        image.onerror = unreached(done);
        image.src = url;
      });
    },

    click: function (fields, done) {
      var is_open = 1;
      function close() {
        if (is_open) {
          is_open = 0;
          clicks_open--;
          resume();
        }
      }
      clicks_open++;
      setTimeout(close, PATIENCE_MS);
      fields = copy(fields, { ref: document.referrer.split('/')[2], frame: is_framed() ? 1 : '' });
      ask(address('/c.json', fields), function (status, _, body) {
        var answer = {};
        try {
          answer = JSON.parse(body);
        } catch (_) {}
        if (is_id(answer.click_id)) {
          keep(answer.click_id);
          done({ ok: true, click_id: own_id });
        } else if (status) done({ ok: false, error: answer.reason || answer.detail || answer.title || 'status ' + status });
        else unreached(done)();
        close();
      });
    },

    consent: function (fields, done) {
      consent = copy(fields, {});
      may_store = consent.store !== false;
      delete consent.store;
      is_undecided = 0;
      if (!may_store) forget();
      else if (own_id) keep(own_id);
      done({ ok: true });
      register();
    },

    // Any other word.
    _: function (_, done) {
      done({ ok: false, error: 'unknown command' });
    }
  };

  function hopline(command, fields, callback) {
    try {
      if (typeof fields == 'function') {
        callback = fields;
        fields = {};
      }
      // A conversion belongs to the click that is just being registered, unless it names another.
      var waits = command == 'convert' && (clicks_open || direct) && !(fields && fields.click_id);
      if (waits || !is_started) {
        waiting.push(arguments);
        return;
      }
      return (commands[command] || commands._)(fields, function (result) {
        // In a turn of its own: what the callback throws is the page's business.
        if (callback) setTimeout(callback, 0, result);
      });
    } catch (_) {}
  }

  function resume() {
    var calls = waiting;
    waiting = [];
    for (var i = 0; i < calls.length; i++) hopline.apply(0, calls[i]);
  }

  // --- requests

  function copy(from, to) {
    for (var name in from) if (from[name] != null) to[name] = from[name];
    return to;
  }

  function address(path, fields) {
    var query = '';
    copy(consent, fields);
    for (var name in fields) {
      var value = fields[name];
      if (typeof value == 'object') value = JSON.stringify(value);
      if (value != null && value !== '') {
        query += (query ? '&' : '?') + encodeURIComponent(name) + '=' + encodeURIComponent(value);
      }
    }
    return edge + path + query;
  }

  // Calls `done(status, refusal, body)`, with status 0 where no answer can be read. A page that ends does not end the
  // request, where the browser knows fetch.
  function ask(url, done) {
    var header = 'X-Hopline-Error';
    function failed() {
      done(0);
    }
    if (window.fetch) {
      fetch(url, { keepalive: true, credentials: 'omit' }).then(function (answer) {
        return answer.text().then(function (body) {
          done(answer.status, answer.headers.get(header), body);
        });
      }).then(null, failed);
    } else {
      var request = new XMLHttpRequest();
      request.onload = function () {
        done(request.status, request.getResponseHeader(header), request.responseText);
      };
      request.onerror = failed;
      request.open('GET', url);
      request.send();
    }
  }

  function unreached(done) {
    return function () {
      done({ ok: false, error: 'not reached' });
    };
  }

  // --- keeping

  function setting(name) {
    return script.getAttribute('data-' + name);
  }

  function is_id(text) {
    return text && /^[\w-]{1,64}$/.test(text);
  }

  function cookie() {
    return (/(?:^|; )hl_click=([\w-]+)/.exec(document.cookie) || [])[1];
  }

  // What is stored comes first: another tab may have brought a newer click.
  function known() {
    var id;
    if (may_store) {
      try {
        var kept = (localStorage[NAME] || '').split(' ');
        if (kept[1] > +new Date() && is_id(kept[0])) id = kept[0];
      } catch (_) {}
      try {
        id = cookie() || id;
      } catch (_) {}
    }
    return id || own_id;
  }

  function keep(id) {
    own_id = id;
    if (!may_store || is_framed()) return;
    try {
      localStorage[NAME] = id + ' ' + (+new Date() + keep_s * 1e3);
    } catch (_) {}
    try {
      // The same one may have been set by the shop's server: that one lives longer than ours.
      if (cookie() != id) write(id, keep_s);
    } catch (_) {}
  }

  function forget() {
    try {
      localStorage.removeItem(NAME);
    } catch (_) {}
    try {
      write('', 0);
    } catch (_) {}
  }

  // On the widest domain that the browser accepts, so that www and checkout share it; an empty value on every domain.
  function write(value, seconds) {
    var labels = location.hostname.split('.');
    function put(value, seconds, domain) {
      document.cookie =
        NAME + '=' + value + '; Path=/; SameSite=Lax; Max-Age=' + seconds + domain +
        (location.protocol == 'https:' ? '; Secure' : '');
      return value && cookie() == value;
    }
    put('', 0, '');
    for (var i = labels.length; i--; ) {
      if (put(value, seconds, '; Domain=' + labels.slice(i).join('.'))) return;
    }
    put(value, seconds, '');
  }

  // In another site's frame nothing is a visit: a hidden frame claims visitors who never came.
  function is_framed() {
    try {
      return top != window && !top.location.host;
    } catch (_) {
      return true;
    }
  }

  // --- start

  function register() {
    var fields = direct;
    if (fields && !is_undecided) {
      direct = 0;
      hopline('click', fields);
    }
  }

  function start() {
    is_started = 1;
    try {
      var given = {};
      var short = {};
      var pairs = location.search.slice(1).split('&');
      for (var i = 0; i < pairs.length; i++) {
        try {
          var pair = /^([^=]*)=?(.*)/.exec(pairs[i].replace(/\+/g, ' '));
          var name = decodeURIComponent(pair[1]);
          given[name] = decodeURIComponent(pair[2]);
          if (!name.indexOf('hl_')) short[name.slice(3)] = given[name];
        } catch (_) {}
      }
      // A page that is loaded again or returned to shows an old address: what came since stays.
      var kind = (window.performance && performance.navigation || {}).type;
      if ((kind != 1 && kind != 2) || !known()) {
        var id = given[setting('param') || NAME];
        if (is_id(id)) keep(id);
        else if (short.offer && short.aff) direct = short;
      }
    } catch (_) {}
    resume();
    register();
  }

  hopline.v = 1;
  hopline.q = {
    push: function (call) {
      hopline.apply(0, call);
    }
  };
  window.hopline = hopline;
  if (document.prerendering) document.addEventListener('prerenderingchange', start);
  else start();
})(window, document, location);
