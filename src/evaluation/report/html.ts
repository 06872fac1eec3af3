import { PAGE_STYLE } from "./page-style.ts";

/** Text for an element or an attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function dataUri(type: string, data: Uint8Array): string {
  return `data:${type};base64,${Buffer.from(data).toString("base64")}`;
}

/** A whole page without any outside resource. @param body HTML */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

/** One column of a table: its heading, and whether it holds text, which stands on the left. */
export interface TableColumn {
  readonly heading: string;
  readonly text?: boolean;
}

/** @param rows cells as HTML; the first of each row is its heading */
export function htmlTable(
  caption: string,
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
): string {
  const cls = (column: TableColumn | undefined): string => (column?.text === true ? ' class="text"' : "");
  const head = columns.map((column) => `<th scope="col"${cls(column)}>${escapeHtml(column.heading)}</th>`).join("");
  const body = rows.map((cells) => {
    const [first = "", ...rest] = cells;
    const others = rest.map((cell, i) => `<td${cls(columns[i + 1])}>${cell}</td>`).join("");
    return `<tr><th scope="row">${first}</th>${others}</tr>`;
  });
  return `<div class="wide"><table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join("\n")}
</tbody>
</table></div>`;
}
