/** The report's style sheet: light and dark by the reader's system, no outside resource, colours of contrast ≥ 4.5. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d6dae0;
  --bar: #4a6fa5; --warn: #b3261e; font: 15px/1.45 system-ui, "Segoe UI", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1e2227; --ink: #e8eaed; --soft: #a2abb5;
  --line: #343a42; --bar: #7ea3d8; --warn: #ff8f85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1.25rem 3rem; background: var(--page); color: var(--ink); }
h1 { margin: 0 0 .75rem; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
p { margin: .3rem 0 1rem; color: var(--soft); max-width: 46rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 400; color: var(--soft); padding: .1rem 1.4rem .1rem 0; vertical-align: top; }
td { padding: .1rem 0; }
.plain { list-style: none; padding: 0; } .plain li { margin: .15rem 0; }
.histogram { width: 100%; max-width: 46rem; height: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 8px; }
.histogram rect { fill: var(--bar); } .histogram line { stroke: var(--warn); stroke-width: 2; stroke-dasharray: 6 3; }
.histogram text { fill: var(--soft); font-size: 13px; }
.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
.cards > li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.cards > li.suspicious { outline: 2px solid var(--warn); outline-offset: -1px; }
.cards p { margin: .5rem .75rem .7rem; font-size: .9rem; overflow-wrap: anywhere; } .cards b { color: var(--ink); }
.picture { position: relative; } .picture img { display: block; width: 100%; height: auto; }
.mark { position: absolute; outline: 2px solid #ffd400; box-shadow: 0 0 0 4px rgb(0 0 0 / 55%); transform: scale(1.8); }
`;
