// Shows the rows of a run: filters, order, one row in detail, thresholds, raters, and a second run.
// Every text comes from data of others and enters the page as text, never as HTML.
function startExplorer(root, data, onChange) {
  const ROWS_A_PAGE = 25, SHOWN_LABELS = 8, LONG_TEXT = 160;
  const labels = data.labels, L = labels.length, n = data.rows.id.length;
  const isPair = data.kind === 'pairwise', isShares = data.kind === 'distribution', isBinary = data.kind === 'binary';

  // numbers of the rows, row by row
  const numbers = (field) => {
    if (!field) return null;
    const bytes = Uint8Array.from(atob(field.data), (c) => c.charCodeAt(0));
    return field.type === 'f4' ? new Float32Array(bytes.buffer) : field.type === 'f8' ? new Float64Array(bytes.buffer) : new Int8Array(bytes.buffer);
  };
  const proba = numbers(data.proba), positive = numbers(data.positive), predicted = numbers(data.predicted);
  const observed = numbers(data.observed), other = data.other;
  const otherProba = other && numbers(other.proba), otherPredicted = other && numbers(other.predicted);
  const thresholds = data.thresholds.slice(), moved = new Array(L).fill(false);

  const state = { search: '', wrong: false, uncertain: false, margin: 0.1, disagreed: false, disagreement: 0.5, differ: false,
                  rater: '', group: '', label: '', role: 'any', sort: data.sorts[0].key, page: 0, row: -1, slider: 0, all: false };

  // elements: tag, attributes (on… are listeners), children that are elements or texts
  function el(tag, attributes, ...children) {
    const e = tag === 'svg' || el.svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
    for (const [k, v] of Object.entries(attributes || {})) {
      if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
      else if (v !== false && v !== null && v !== undefined) e.setAttribute(k, v === true ? '' : v);
    }
    for (const c of children.flat(Infinity)) if (c !== null && c !== undefined && c !== '') e.append(c);
    return e;
  }
  const fixed = (x, digits) => (x === null || x === undefined || Number.isNaN(x) ? '–' : x.toFixed(digits === undefined ? 3 : digits));
  const whole = (x) => x.toLocaleString('en-US');
  const image = (name, text) => (name && data.images[name] ? el('img', { src: data.images[name], alt: text || 'image', loading: 'lazy' }) : null);

  // what is decided
  const known = (r, k) => positive[r * L + k] >= 0;
  const isTrue = (r, k) => positive[r * L + k] === 1;
  const applies = (r, k) => !Number.isNaN(proba[r * L + k]);
  const decided = (r, k) => (moved[k] && data.decision !== 'largest' ? proba[r * L + k] >= thresholds[k] : predicted[r * L + k] === 1);
  const otherDecided = (r, k) => otherPredicted[r * L + k] === 1;
  const all = Array.from({ length: L }, (_, k) => k);
  function isWrong(r) {
    if (data.decision === 'largest') return all.some((k) => known(r, k)) && !all.some((k) => isTrue(r, k) && decided(r, k));
    return all.some((k) => known(r, k) && decided(r, k) !== isTrue(r, k));
  }
  function marginOf(r) {
    if (data.decision !== 'threshold') return data.rows.margin[r];
    let m = Infinity;
    for (let k = 0; k < L; k++) if (applies(r, k)) m = Math.min(m, Math.abs(proba[r * L + k] - thresholds[k]));
    return m;
  }
  const inOther = (r) => other && !other.missing[r];
  const ratersOf = (r) => (data.rows.raters ? data.rows.raters[r] : data.rows.rater ? [data.rows.rater[r]] : []);
  const differs = (r) => inOther(r) && all.some((k) => applies(r, k) && decided(r, k) !== otherDecided(r, k));

  // the filters
  const haystack = data.rows.id.map((id, r) => ['text', 'group', 'target', 'left', 'right'].reduce(
    (s, c) => (data.rows[c] ? s + ' ' + data.rows[c][r] : s), [id, ...ratersOf(r)].join(' ')).toLocaleLowerCase());
  function passesLabel(r) {
    if (state.label === '') return true;
    const k = Number(state.label);
    if (!applies(r, k)) return false;
    if (state.role === 'true') return isTrue(r, k);
    if (state.role === 'predicted') return decided(r, k);
    if (state.role === 'wrong') return known(r, k) && decided(r, k) !== isTrue(r, k);
    return isPair || isTrue(r, k) || decided(r, k);
  }
  function passes(r) {
    if (state.wrong && !isWrong(r)) return false;
    if (state.uncertain && !(marginOf(r) <= state.margin)) return false;
    if (state.disagreed && !(data.rows.disagreement[r] >= state.disagreement)) return false;
    if (state.differ && !differs(r)) return false;
    if (state.rater && !ratersOf(r).includes(state.rater)) return false;
    if (state.group && data.rows.group[r] !== state.group) return false;
    return passesLabel(r) && haystack[r].includes(state.search);
  }
  const isFiltered = () => state.wrong || state.uncertain || state.disagreed || state.differ || state.rater || state.group || state.label !== '' || state.search;
  function order(rows) {
    const sort = data.sorts.find((s) => s.key === state.sort), values = sort.key === 'margin' ? null : data.rows[sort.key];
    const value = (r) => { const v = values ? values[r] : marginOf(r); return v === null ? (sort.ascending ? Infinity : -Infinity) : v; };
    if (sort.key === 'position') return rows.slice().sort((a, b) => data.rows.position[a] - data.rows.position[b]);
    return rows.slice().sort((a, b) => (sort.ascending ? value(a) - value(b) : value(b) - value(a)) || a - b);
  }

  // answers and decisions in words
  const few = (names) => (names.length > 5 ? names.slice(0, 4).join(', ') + ' and ' + (names.length - 4) + ' more' : names.join(', '));
  const named = (which) => few(all.filter(which).map((k) => labels[k]));
  const percent = (x) => Math.round(100 * x) + ' %';
  function largest(values, r) {
    let top = 0;
    for (let k = 1; k < L; k++) if (values[r * L + k] > values[r * L + top]) top = k;
    return labels[top] + ' (' + percent(values[r * L + top]) + ')';
  }
  const ofRow = (r) => all.find((k) => applies(r, k));
  function answerText(r) {
    if (isShares) return observed ? largest(observed, r) : named((k) => isTrue(r, k));
    if (isPair) { const k = ofRow(r); return known(r, k) ? (isTrue(r, k) ? 'left' : 'right') : 'unknown'; }
    if (isBinary) return known(r, 0) ? (isTrue(r, 0) ? 'positive' : 'negative') : 'unknown';
    return named((k) => isTrue(r, k)) || 'none';
  }
  function predictedText(r, p, decide) {
    if (isShares) return largest(p, r);
    if (isPair) { const k = ofRow(r); return (decide(r, k) ? 'left' : 'right') + ' (P left ' + fixed(p[r * L + k], 2) + ')'; }
    if (isBinary) return (decide(r, 0) ? 'positive' : 'negative') + ' (' + fixed(p[r * L], 2) + ')';
    return named((k) => decide(r, k)) || 'none';
  }
  function contentOf(r, short) {
    const text = data.rows.text ? data.rows.text[r] : '';
    const names = (data.rows.images ? data.rows.images[r] : []).map((name, i) => image(name, isPair ? [data.rows.left[r], data.rows.right[r]][i] : String(data.rows.id[r])));
    if (isPair) return [names, el('div', {}, data.rows.left[r] + ' or ' + data.rows.right[r]), data.rows.target ? el('div', { class: 'soft' }, data.rows.target[r]) : null];
    const shown = short && text.length > LONG_TEXT ? text.slice(0, LONG_TEXT) + '…' : text;
    return [names, el('span', { dir: 'auto' }, shown || String(data.rows.id[r]))];
  }

  // the controls
  const check = (key, text, extra) => el('label', {}, el('input', { type: 'checkbox', 'data-filter': key, onchange: (e) => { state[key] = e.target.checked; changed(); } }), ' ' + text, extra || '');
  const number = (key, name) => el('input', { type: 'number', min: 0, max: 1, step: 0.05, value: state[key], 'aria-label': name, oninput: (e) => { state[key] = Number(e.target.value); changed(); } });
  const choice = (key, name, options) => el('label', {}, name, el('select', { 'data-filter': key, onchange: (e) => { state[key] = e.target.value; changed(); } },
    options.map(([value, text]) => el('option', { value: value }, text))));
  const distinct = (values) => Array.from(new Set(values)).sort((a, b) => String(a).localeCompare(String(b), undefined, { numeric: true })).map((v) => [v, v]);

  const filters = el('fieldset', {}, el('legend', {}, 'Filters'),
    el('label', {}, 'Search', el('input', { type: 'search', 'data-filter': 'search', oninput: (e) => { state.search = e.target.value.toLocaleLowerCase(); changed(); } })),
    check('wrong', 'wrong'),
    check('uncertain', 'uncertain: margin up to ', number('margin', 'largest margin')),
    data.rows.disagreement ? check('disagreed', 'raters disagree: from ', number('disagreement', 'smallest disagreement')) : el('p', { class: 'soft' }, data.no_disagreement),
    other ? check('differ', 'the two runs decide differently') : null,
    data.rows.rater || data.rows.raters ? choice('rater', 'Rater', [['', 'all raters']].concat(distinct(data.rows.id.flatMap((id, r) => ratersOf(r))))) : null,
    data.rows.group ? choice('group', 'Group', [['', 'all groups']].concat(distinct(data.rows.group))) : null,
    L > 1 ? choice('label', data.label_noun, [['', 'all']].concat(labels.map((l, k) => [k, l]))) : null,
    L > 1 && !isPair ? choice('role', 'which is', [['any', 'true or predicted'], ['true', 'true'], ['predicted', 'predicted'], ['wrong', 'decided wrongly']]) : null,
    choice('sort', 'Order', data.sorts.map((s) => [s.key, s.title])));

  const readout = el('div', {}), slider = el('input', { type: 'range', min: 0, max: data.counts.at[0].length - 1, step: 1, 'aria-label': 'threshold', oninput: (e) => setThreshold(Number(e.target.value)) });
  const thresholdPanel = el('fieldset', { 'data-part': 'threshold' }, el('legend', {}, 'Threshold'), el('p', { class: 'soft' }, data.threshold_meaning),
    L > 1 ? el('label', {}, data.label_noun, el('select', { 'data-threshold': 'label', onchange: (e) => { state.slider = Number(e.target.value); renderThreshold(); } },
      labels.map((l, k) => el('option', { value: k }, l)))) : null,
    slider, readout);

  const indexOf = (k) => { const at = data.counts.at[k]; let best = 0; for (let j = 0; j < at.length; j++) if (at[j] <= thresholds[k]) best = j; return best; };
  function setThreshold(j) {
    const k = state.slider, t = data.counts.at[k][j];
    thresholds[k] = t; moved[k] = data.decision === 'top_k' || t !== data.thresholds[k];
    renderThreshold(); changed();
  }
  const scores = (tp, fp, p) => { const found = tp + fp; return [found ? tp / found : 0, p ? tp / p : 0, found + p ? 2 * tp / (found + p) : 0]; };
  function renderThreshold() {
    const k = state.slider, j = indexOf(k), c = data.counts;
    slider.value = j;
    slider.setAttribute('aria-valuetext', fixed(thresholds[k], 3));
    const whole_set = scores(c.true_positives[k][j], c.false_positives[k][j], c.positives[k]);
    const line = (name, s, rows, key) => el('tr', { 'data-scores': key }, el('td', {}, name + ' (' + whole(rows) + ')'), s.map((x) => el('td', { class: 'number' }, fixed(x))));
    let below = null;
    if (isFiltered()) {
      let tp = 0, fp = 0, p = 0, rows = 0;
      for (const r of shownRows) {
        if (!known(r, k)) continue;
        rows += 1;
        const found = proba[r * L + k] >= thresholds[k];
        if (isTrue(r, k)) { p += 1; tp += found ? 1 : 0; } else fp += found ? 1 : 0;
      }
      below = line('filtered', scores(tp, fp, p), rows, 'filtered');
    }
    readout.replaceChildren(
      el('p', {}, 'Threshold ', el('output', { 'data-part': 'value' }, fixed(thresholds[k], 3)), ' ',
        el('button', { type: 'button', 'data-part': 'reset', disabled: !moved[k], onclick: () => { thresholds[k] = data.thresholds[k]; moved[k] = false; renderThreshold(); changed(); } },
          (data.decision === 'largest' ? 'equal share: ' : 'of the run: ') + fixed(data.thresholds[k], 3))),
      el('table', {}, el('thead', {}, el('tr', {}, el('th', {}, 'rows'), ['precision', 'recall', 'F1'].map((h) => el('th', { class: 'number' }, h)))),
        el('tbody', {}, line('all', whole_set, c.known[k], 'all'), below)),
      el('p', { class: 'soft' }, whole(c.true_positives[k][j]) + ' true and ' + whole(c.false_positives[k][j]) + ' false positives of ' + whole(c.positives[k]) + ' positives'),
      curve(k, j));
  }
  function curve(k, j) {
    const c = data.counts, at = (i) => scores(c.true_positives[k][i], c.false_positives[k][i], c.positives[k]);
    const x = (recall) => 28 + 165 * recall, y = (precision) => 8 + 92 * (1 - precision);
    const points = [];
    for (let i = 0; i < c.at[k].length; i++) if (c.true_positives[k][i] + c.false_positives[k][i]) { const s = at(i); points.push(x(s[1]).toFixed(1) + ',' + y(s[0]).toFixed(1)); }
    const now = at(j);
    el.svg = true;
    const chart = el('svg', { viewBox: '0 0 200 122', role: 'img', 'aria-label': 'precision against recall; the point is the chosen threshold' },
      el('polyline', { class: 'axis', points: '28,8 28,100 193,100' }), el('polyline', { class: 'curve', points: points.join(' ') }),
      el('circle', { class: 'point', cx: x(now[1]), cy: y(now[0]), r: 3.5 }),
      el('text', { x: 110, y: 119, 'text-anchor': 'middle' }, 'recall'), el('text', { x: 12, y: 54, transform: 'rotate(-90 12 54)', 'text-anchor': 'middle' }, 'precision'),
      el('text', { x: 25, y: 12, 'text-anchor': 'end' }, '1'), el('text', { x: 25, y: 101, 'text-anchor': 'end' }, '0'), el('text', { x: 193, y: 110, 'text-anchor': 'end' }, '1'));
    el.svg = false;
    return chart;
  }

  // the list
  const count = el('p', { role: 'status', 'data-part': 'count' }), list = el('tbody', {}), pager = el('div', { class: 'pager' });
  const columns = [['content', data.content_noun, 'content'], ['answer', data.answer_noun], ['prediction', 'predicted']]
    .concat(other ? [['other', 'other run']] : []).concat(data.rows.rater ? [['rater', 'rater']] : [])
    .concat([['loss', 'loss', other ? 'number wide' : 'number'], ['margin', 'margin', 'number wide']]).concat(data.rows.disagreement ? [['disagreement', 'disagreement', 'number wide']] : []);
  const table = el('table', { class: 'rows' }, el('thead', {}, el('tr', {}, columns.map(([, title, kind]) => el('th', { scope: 'col', class: kind || '', 'data-column': title }, title)))), list);
  let shownRows = [];
  function rowElement(r) {
    const wrong = isWrong(r);
    const cell = {
      content: () => el('td', { class: 'content' }, contentOf(r, true)),
      answer: () => el('td', {}, answerText(r)),
      prediction: () => el('td', { class: wrong ? 'wrong' : 'right' }, predictedText(r, proba, decided), wrong ? ' ✗' : all.some((k) => known(r, k)) ? ' ✓' : ''),
      other: () => el('td', {}, inOther(r) ? predictedText(r, otherProba, otherDecided) : '–'),
      rater: () => el('td', {}, String(data.rows.rater[r])),
      loss: () => el('td', { class: other ? 'number wide' : 'number' }, fixed(data.rows.loss[r], 2)),
      margin: () => el('td', { class: 'number wide' }, fixed(marginOf(r), 2)),
      disagreement: () => el('td', { class: 'number wide' }, fixed(data.rows.disagreement[r], 2)),
    };
    return el('tr', { tabindex: 0, 'data-row': r, 'aria-current': r === state.row ? 'true' : 'false', onclick: () => select(r), onfocus: () => select(r), onkeydown: move }, columns.map(([key]) => cell[key]()));
  }
  function move(e) {
    const next = e.key === 'ArrowDown' ? e.currentTarget.nextElementSibling : e.key === 'ArrowUp' ? e.currentTarget.previousElementSibling : null;
    if (next) { e.preventDefault(); next.focus(); }
  }
  function select(r) {
    if (r === state.row) return;
    state.row = r; state.all = false;
    for (const tr of list.children) tr.setAttribute('aria-current', tr.getAttribute('data-row') === String(r) ? 'true' : 'false');
    renderDetail();
    if (onChange) onChange(shownRows, state.row);
  }

  function turn(by) { state.page += by; renderList(); }
  function renderList() {
    const pages = Math.max(1, Math.ceil(shownRows.length / ROWS_A_PAGE));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    const from = state.page * ROWS_A_PAGE, here = shownRows.slice(from, from + ROWS_A_PAGE);
    list.replaceChildren(...here.map(rowElement));
    const wrong = shownRows.filter(isWrong).length;
    count.textContent = whole(shownRows.length) + ' of ' + whole(n) + ' rows, ' + whole(wrong) + ' of them wrong';
    pager.replaceChildren(el('button', { type: 'button', disabled: state.page === 0, onclick: () => turn(-1) }, 'Previous'),
      el('span', {}, 'page ' + (state.page + 1) + ' of ' + pages), el('button', { type: 'button', disabled: state.page === pages - 1, onclick: () => turn(1) }, 'Next'));
  }
  function changed() {
    shownRows = order(Array.from({ length: n }, (_, r) => r).filter(passes));
    state.page = 0;
    if (!shownRows.includes(state.row)) state.row = shownRows.length ? shownRows[0] : -1;
    renderList(); renderDetail(); renderThreshold();
    if (onChange) onChange(shownRows, state.row);
  }

  // one row
  const detail = el('section', { class: 'panel detail', 'aria-label': 'The chosen row', 'data-part': 'detail' });
  function shownLabels(r) {
    const those = all.filter((k) => applies(r, k));
    if (state.all || those.length <= SHOWN_LABELS + 2) return isShares ? those : those.sort((a, b) => proba[r * L + b] - proba[r * L + a]);
    const sorted = those.slice().sort((a, b) => proba[r * L + b] - proba[r * L + a]);
    return sorted.filter((k, i) => i < SHOWN_LABELS || isTrue(r, k) || decided(r, k));
  }
  function bars(r) {
    const those = shownLabels(r), left = all.filter((k) => applies(r, k)).length - those.length;
    const bar = (k) => {
      const p = proba[r * L + k], box = el('div', { class: 'bar', title: labels[k] + ' ' + fixed(p) });
      const add = (tag, style) => { const e = el(tag); Object.assign(e.style, style); box.append(e); };
      add('i', { width: 100 * p + '%' });
      if (inOther(r)) add('u', { width: 100 * otherProba[r * L + k] + '%' });
      if (observed) add('s', { width: 100 * observed[r * L + k] + '%' });
      if (data.decision !== 'largest') add('b', { left: 100 * thresholds[k] + '%' });
      return box;
    };
    // what is true of a label, and whether it was decided so
    function verdict(k) {
      if (isShares) return null;
      if (!known(r, k)) return el('span', { class: 'soft' }, ' unknown');
      if (isPair) return el('span', { class: decided(r, k) === isTrue(r, k) ? 'right' : 'wrong' }, ' answer: ' + answerText(r));
      if (isTrue(r, k)) return decided(r, k) ? el('span', { class: 'right' }, ' ✓ true') : el('span', { class: 'wrong' }, ' true, missed');
      return decided(r, k) ? el('span', { class: 'wrong' }, ' false positive') : null;
    }
    const head = [el('th', {}, data.label_noun), el('th', {}, ''), el('th', { class: 'number' }, isPair ? 'P(left)' : isShares ? 'predicted' : 'P')]
      .concat(other ? [el('th', { class: 'number' }, 'other')] : [], isShares ? [el('th', { class: 'number' }, 'answered')] : []);
    const line = (k) => [el('td', {}, el('span', { dir: 'auto' }, labels[k]), verdict(k)), el('td', {}, bar(k)), el('td', { class: 'number' }, fixed(proba[r * L + k]))]
      .concat(other ? [el('td', { class: 'number' }, inOther(r) ? fixed(otherProba[r * L + k]) : '–')] : [], isShares ? [el('td', { class: 'number' }, fixed(observed ? observed[r * L + k] : null))] : []);
    return [el('div', { class: 'scroll' }, el('table', { 'data-part': 'bars' }, el('thead', {}, el('tr', {}, head)), el('tbody', {}, those.map((k) => el('tr', { 'data-label': k }, line(k)))))),
      left ? el('button', { type: 'button', onclick: () => { state.all = true; renderDetail(); } }, 'all ' + (left + those.length) + ' labels') : null,
      el('p', { class: 'soft' }, data.bar_meaning)];
  }
  function facts(r) {
    const parts = [['loss', fixed(data.rows.loss[r])], ['margin', fixed(marginOf(r))]];
    if (data.rows.disagreement) parts.push(['disagreement of raters', fixed(data.rows.disagreement[r], 2)]);
    for (const c of ['target', 'rater', 'group']) if (data.rows[c]) parts.unshift([c, String(data.rows[c][r])]);
    return el('p', {}, parts.map(([k, v]) => k + ' ' + v).join(' · '));
  }
  // what each rater answered, the chosen rater first
  function raterAnswers(r) {
    if (!data.rows.raters || !data.rows.raters[r].length) return null;
    const said = data.rows.raters[r].map((name, i) => [name, data.rows.rater_answers[r][i]]), chosen = ([name]) => name === state.rater;
    const sorted = said.filter(chosen).concat(said.filter((a) => !chosen(a)));
    return el('details', { 'data-part': 'answers', open: said.length <= 8 || Boolean(state.rater) }, el('summary', {}, whole(said.length) + (said.length === 1 ? ' rater' : ' raters')),
      el('table', {}, el('tbody', {}, sorted.map((a) => el('tr', { 'aria-current': chosen(a) ? 'true' : false }, el('td', { dir: 'auto' }, a[0]), el('td', { dir: 'auto' }, a[1]))))));
  }
  function neighbors(r) {
    if (!data.neighbors) return el('p', { class: 'soft' }, data.no_neighbors);
    const found = data.neighbors.at[r].map((t, i) => [t, data.neighbors.similarity[r][i]]).filter(([t]) => t >= 0);
    if (!found.length) return el('p', { class: 'soft' }, 'No training row is similar.');
    const train = data.neighbors.train;
    return found.map(([t, s]) => el('div', { class: 'neighbor', 'data-neighbor': t }, (train.images ? train.images[t] : []).map((name) => image(name, String(train.id[t]))),
      el('span', { dir: 'auto' }, train.text ? train.text[t] : String(train.id[t])), el('div', { class: 'soft' }, 'similarity ' + fixed(s, 2) + (train.answers[t] ? ' · ' + train.answers[t] : ''))));
  }
  function renderDetail() {
    const r = state.row;
    if (r < 0) return detail.replaceChildren(el('p', { class: 'soft' }, 'No row passes the filters.'));
    const names = data.rows.images ? data.rows.images[r] : [], captions = isPair ? ['left: ' + data.rows.left[r], 'right: ' + data.rows.right[r]] : [];
    const figures = names.map((name, i) => [image(name, captions[i]), captions[i]]).filter(([img, caption]) => img || caption);
    detail.replaceChildren(...[el('h2', {}, String(data.rows.id[r])),
      figures.length ? el('div', { class: 'images' }, figures.map(([img, caption]) => el('figure', {}, img, caption ? el('figcaption', { dir: 'auto' }, caption) : null))) : null,
      !names.length && isPair ? el('p', {}, captions.join(' · ')) : null,
      data.rows.text && data.rows.text[r] ? el('p', { class: 'text', dir: 'auto', 'data-part': 'text' }, data.rows.text[r]) : null,
      facts(r), data.rows.answers ? el('p', {}, data.rows.answers[r]) : null, raterAnswers(r), ...bars(r).filter((e) => e !== null),
      el('h3', {}, 'Nearest training rows'), data.neighbors ? el('p', { class: 'soft' }, 'by ' + data.neighbors.method) : null].filter((e) => e !== null).concat(neighbors(r)));
  }

  // raters, and a second run
  function raterTable() {
    if (!data.raters || !data.raters.rater.length) return null;
    const t = data.raters, rows = t.rater.map((name, i) => el('tr', {}, el('td', {}, el('button', { type: 'button', 'data-rater': i, onclick: () => chooseRater(name) }, String(name))),
      el('td', { class: 'number' }, whole(t.answers[i])), ['accuracy', 'agreement', 'severity'].map((c) => el('td', { class: 'number' }, fixed(t[c][i])))));
    return el('details', { class: 'panel', 'data-part': 'raters', open: t.rater.length <= 12 }, el('summary', {}, 'Rater profiles: ' + whole(t.rater.length) + ' raters'),
      el('div', { class: 'scroll' }, el('table', {}, el('caption', {}, t.caption), el('thead', {}, el('tr', {}, el('th', {}, 'rater'), ['answers', 'accuracy', 'agreement', 'severity'].map((h) => el('th', { class: 'number' }, h)))), el('tbody', {}, rows))));
  }
  function chooseRater(name) {
    const field = root.querySelector('select[data-filter=rater]');
    if (!Array.from(field.options).some((o) => o.value === String(name))) field.append(el('option', { value: name }, name));
    field.value = name; state.rater = name; changed();
  }
  function comparison() {
    if (!other) return null;
    return el('section', { class: 'panel', 'data-part': 'comparison' }, el('h2', {}, data.name + ' and ' + other.name), el('p', { class: 'soft' }, other.caption),
      el('div', { class: 'scroll' }, el('table', {}, el('thead', {}, el('tr', {}, el('th', {}, 'metric'), [data.name, other.name, 'difference', '95 % interval'].map((h) => el('th', { class: 'number' }, h)))),
        el('tbody', {}, other.table.map((m) => el('tr', {}, el('td', {}, m.metric), [m.a, m.b].map((v) => el('td', { class: 'number' }, fixed(v))),
          el('td', { class: 'number' }, (m.difference > 0 ? '+' : '') + fixed(m.difference)), el('td', { class: 'number' }, m.low === null ? '–' : fixed(m.low) + ' to ' + fixed(m.high))))))));
  }

  root.classList.add('explorer');
  root.replaceChildren(el('h1', {}, data.title), el('p', {}, data.subtitle), ...data.notes.map((note) => el('p', { class: 'soft' }, note)),
    el('div', { class: 'columns' }, el('div', { class: 'controls' }, filters, thresholdPanel), el('section', { class: 'panel', 'aria-label': 'Rows' }, count, el('div', { class: 'scroll' }, table), pager), detail),
    el('div', { class: 'below' }, comparison(), raterTable()));
  changed();
}
