/** The demo page's style sheet: light and dark by the reader's system, no outside resource, colours of contrast ≥ 4.5. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d6dae0;
  --pass: #1a6e34; --fail: #b3261e; --none: #8a5300; font: 15px/1.45 system-ui, "Segoe UI", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1e2227; --ink: #e8eaed; --soft: #a2abb5;
  --line: #343a42; --pass: #6fd08c; --fail: #ff8f85; --none: #f0b757; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1.25rem 3rem; background: var(--page); color: var(--ink); }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2rem 0 .75rem; font-size: 1.1rem; }
p { margin: .3rem 0 1rem; color: var(--soft); max-width: 46rem; }
.summary { display: flex; flex-wrap: wrap; gap: .75rem; align-items: stretch; }
.tile, .parts > li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: .7rem 1.1rem; min-width: 9rem; }
.tile dt { color: var(--soft); font-size: .82rem; } .tile dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
dl { margin: 0; display: contents; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } caption { text-align: left; color: var(--soft); font-size: .82rem; }
td, thead th { text-align: right; padding: .1rem 0 .1rem 1.4rem; } tbody th { text-align: left; font-weight: 400; }
thead th { color: var(--soft); font-weight: 400; } .slip { color: var(--fail); font-weight: 600; }
.parts { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.parts > li { overflow: hidden; }
.overlay { display: block; width: 100%; height: auto; background: #000; }
.mask { float: right; width: 4.4rem; margin: .35rem 0 .5rem .6rem; border: 1px solid var(--line); border-radius: 4px; background: #000; }
.facts { padding: .6rem .8rem .75rem; }
.facts h3 { gap: .5rem; display: flex; justify-content: space-between; margin: 0; font-size: 1rem; }
.facts p { margin: .1rem 0 .5rem; font-size: .88rem; }
.PASS { color: var(--pass); } .FAIL { color: var(--fail); } .NO_VERDICT { color: var(--none); }
.wrong { outline: 2px solid var(--fail); outline-offset: -1px; }
.bar { clear: both; position: relative; height: 8px; border-radius: 4px; background: var(--line); }
.bar span { position: absolute; inset: 0 auto 0 0; border-radius: 4px; background: currentColor; }
.bar b { position: absolute; left: 50%; top: -4px; bottom: -4px; width: 2px; background: var(--ink); }
`;
