// What pages do more smoothly with JavaScript. Each of them works without.
(function () {
  'use strict';
  var root = document.documentElement;
  root.classList.add('js');

  var told = function (text) {
    var at = document.getElementById('told');
    if (!at) return;
    at.textContent = text;
    clearTimeout(told.timer);
    told.timer = setTimeout(function () { at.textContent = ''; }, 2500);
  };

  var copy = function (text, button) {
    var done = function () {
      told('Copied');
      if (!button) return;
      button.classList.add('done');
      setTimeout(function () { button.classList.remove('done'); }, 1500);
    };
    if (navigator.clipboard) {
      navigator.clipboard.writeText(text).then(done, function () { told('Copying was refused: select the text instead'); });
      return;
    }
    // Without TLS browsers offer no clipboard, but still obey this.
    var area = document.createElement('textarea');
    area.value = text;
    document.body.appendChild(area);
    area.select();
    var ok = document.execCommand('copy');
    area.remove();
    if (ok) done(); else told('Copying was refused: select the text instead');
  };

  document.addEventListener('click', function (e) {
    var at = e.target.closest('[data-copy], [data-copy-link], [data-help-open], [data-print], [data-theme-switch]');
    if (!at) return;
    if (at.hasAttribute('data-copy')) {
      var from = document.getElementById(at.getAttribute('data-copy'));
      if (from) copy(from.textContent, at);
    } else if (at.hasAttribute('data-copy-link')) {
      copy(location.href, at);
    } else if (at.hasAttribute('data-help-open')) {
      help();
    } else if (at.hasAttribute('data-print')) {
      print();
    } else {
      var dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
      root.dataset.theme = dark ? 'light' : 'dark';
      document.cookie = 'theme=' + root.dataset.theme + '; path=/; max-age=31536000; SameSite=Lax';
    }
  });

  document.addEventListener('change', function (e) {
    if (e.target.matches('[data-submit]')) e.target.form.requestSubmit();
  });

  // A slider and the number that it moves.
  document.addEventListener('input', function (e) {
    var of = e.target.getAttribute('data-slides');
    if (of) document.getElementById(of).value = e.target.value;
    var slider = document.querySelector('[data-slides="' + CSS.escape(e.target.id) + '"]');
    if (slider) slider.value = e.target.value;
  });

  var help = function () {
    var dialog = document.getElementById('help');
    if (dialog.open) dialog.close(); else dialog.showModal();
  };

  var row = -1;
  var move = function (by) {
    var rows = document.querySelectorAll('table[data-rows] > tbody > tr, ol[data-rows] > li');
    if (!rows.length) return;
    row = Math.min(rows.length - 1, Math.max(0, row + by));
    rows.forEach(function (r, i) { r.classList.toggle('at', i === row); });
    var link = rows[row].querySelector('a');
    if (link) link.focus({ preventScroll: true });
    rows[row].scrollIntoView({ block: 'nearest' });
  };
  document.addEventListener('htmx:afterSwap', function () { row = -1; });

  var going = 0; // until when the key after g is a place
  document.addEventListener('keydown', function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    var typing = e.target.closest('input, select, textarea, [contenteditable]');
    if (typing) {
      if (e.key === 'Escape') e.target.blur();
      return;
    }
    if (Date.now() < going) {
      going = 0;
      var place = document.querySelector('[data-key="' + CSS.escape(e.key) + '"]');
      if (place) { e.preventDefault(); place.click(); }
      return;
    }
    switch (e.key) {
      case '/':
        var field = document.getElementById('filter') || document.getElementById('search');
        field.focus();
        field.select();
        break;
      case '?': help(); break;
      case 'g': going = Date.now() + 1500; break;
      case 'j': move(1); break;
      case 'k': move(-1); break;
      case 'y': copy(location.href); break;
      default: return;
    }
    e.preventDefault();
  });
})();
