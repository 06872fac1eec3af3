/**
 * The style sheet of our reports: light and dark by the reader's system, no outside resource, text of contrast 4.5 and
 * more, blue and orange where two classes must be told apart by readers who see no red.
 */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d6dae0;
  --nominal: #1f6fb2; --anomalous: #b4540a; --third: #6b4fa0; --fourth: #2d7a4f; --pass: #1a6e34; --fail: #b3261e;
  font: 15px/1.45 system-ui, "Segoe UI", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1e2227; --ink: #e8eaed; --soft: #a2abb5;
  --line: #343a42; --nominal: #6cb6f5; --anomalous: #f0a35a; --third: #b9a1ee; --fourth: #6fd08c; --pass: #6fd08c;
  --fail: #ff8f85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1.25rem 3rem; background: var(--page); color: var(--ink); }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2.2rem 0 .6rem; font-size: 1.15rem; } h3 { margin: 0; font-size: 1rem; }
p { margin: .3rem 0 1rem; color: var(--soft); max-width: 52rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0; }
.card, .tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: .6rem 1rem; min-width: 8.5rem; flex: 1 1 8.5rem; } .tile dt { color: var(--soft); font-size: .82rem; }
.tile dd { margin: 0; font-size: 1.45rem; font-variant-numeric: tabular-nums; } .tile dd small { font-size: .8rem; color: var(--soft); display: block; }
.columns { display: grid; margin-bottom: 1rem; align-items: start; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr)); }
.card { padding: .8rem 1rem; margin: 0; } figure figcaption { color: var(--soft); font-size: .85rem; margin-top: .3rem; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .6rem 1rem; margin: 0 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; color: var(--soft); font-size: .85rem; padding-bottom: .3rem; }
th, td { padding: .22rem 0 .22rem 1.3rem; text-align: right; white-space: nowrap; } tr > :first-child { padding-left: 0; text-align: left; }
th { font-weight: 400; } thead th { color: var(--soft); border-bottom: 1px solid var(--line); vertical-align: bottom; }
tbody tr:nth-child(even) { background: color-mix(in srgb, var(--line) 25%, transparent); } .text { text-align: left; }
.columns .wide { font-size: .85rem; } .columns :is(th, td) { padding-left: .6rem; }
td b, th b { font-weight: 700; } td small { color: var(--soft); } .slip { color: var(--fail); font-weight: 600; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
svg .axis { stroke: var(--line); fill: none; } svg .grid { stroke: var(--line); stroke-dasharray: 2 3; }
svg .mark { stroke: var(--ink); stroke-dasharray: 5 3; stroke-width: 1.5; } svg .marked { fill: var(--ink); }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.series0 { --series: var(--nominal); } .series1 { --series: var(--anomalous); } .series2 { --series: var(--third); } .series3 { --series: var(--fourth); }
svg .bar { fill: var(--series); } svg .line { stroke: var(--series); } svg .dot { fill: var(--series); } svg .name { fill: var(--series); font-weight: 600; }
svg .line.series1 { stroke-dasharray: 7 3; } svg .line.series2 { stroke-dasharray: 2 3; }
.gallery { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(23rem, 100%), 1fr)); }
.gallery li { padding: 0; overflow: hidden; } .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 2px; background: #000; }
.picture { position: relative; } .picture img { display: block; width: 100%; height: auto; }
.picture svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.picture path { fill: none; stroke: #00e5ff; stroke-width: 2; vector-effect: non-scaling-stroke; }
.facts { padding: .5rem .8rem .7rem; font-size: .88rem; overflow-wrap: anywhere; } .facts p { margin: 0; }
.facts h3 { display: flex; justify-content: space-between; gap: .6rem; }
.PASS { color: var(--pass); } .FAIL { color: var(--fail); }
`;
