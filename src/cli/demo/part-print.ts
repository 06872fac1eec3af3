import sharp from "sharp";

/**
 * Single-stroke letters on a grid 4 wide and 6 high, y downwards: what a marking laser writes. Own letters instead of
 * a font, so that a machine without fonts renders the same part.
 */
const GLYPHS: Readonly<Record<string, string>> = {
  "0": "M1 0H3L4 1V5L3 6H1L0 5V1Z",
  "2": "M0 1L1 0H3L4 1V2L0 6H4",
  "3": "M0 0H4L2 2.4H3L4 3.4V5L3 6H1L0 5",
  "4": "M3 6V0L0 4H4",
  "5": "M4 0H0V2.6H3L4 3.6V5L3 6H0",
  "6": "M4 0.6L3 0H1L0 1V5L1 6H3L4 5V3.6L3 2.6H0",
  "7": "M0 0H4L1.4 6",
  "8": "M1 0H3L4 1V2L3 2.8H1L0 2V1ZM1 2.8L0 3.8V5L1 6H3L4 5V3.8L3 2.8",
  A: "M0 6L2 0L4 6M0.8 4H3.2",
  B: "M0 0H3L4 0.8V2L3 2.8H0V0M0 2.8V6H3L4 5.2V3.8L3 2.8",
  C: "M4 1L3 0H1L0 1V5L1 6H3L4 5",
  M: "M0 6V0L2 3L4 0V6",
  "-": "M0.6 3H3.4",
};

const GLYPH_WIDTH = 4;
const GLYPH_HEIGHT = 6;
/** From one letter to the next, in grid units. */
const ADVANCE = 6.1;
const STROKE = 1.05;

/** Where a text is written: on a circle around the part's centre, to be read from outside, its middle at the bottom. */
export interface PrintPlace {
  /** Pixels. */
  readonly size: number;
  readonly centreX: number;
  readonly centreY: number;
  /** Radius of the middle of the letters, pixels. */
  readonly radius: number;
  /** Height of the letters, pixels. */
  readonly height: number;
  /** The part's rotation, degrees clockwise. */
  readonly rotation: number;
}

/**
 * @param text of the letters in `GLYPHS` and spaces
 * @returns how much of each pixel the print covers, 0–255, `size` × `size`
 */
export async function drawPrint(text: string, place: PrintPlace): Promise<Uint8Array> {
  const { size, centreX, centreY, radius, height, rotation } = place;
  const scale = height / GLYPH_HEIGHT;
  const stepDegrees = ((ADVANCE * scale) / radius) * (180 / Math.PI);
  const letters = [...text].map((letter, index) => {
    // At the bottom the text runs from left to right when the angle grows anticlockwise.
    const degrees = rotation - (index - (text.length - 1) / 2) * stepDegrees;
    const path = GLYPHS[letter] ?? "";
    return `<g transform="rotate(${degrees.toFixed(3)}) translate(0 ${radius.toFixed(2)}) scale(${scale.toFixed(4)}) translate(${-GLYPH_WIDTH / 2} ${-GLYPH_HEIGHT / 2})"><path d="${path}"/></g>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="100%" height="100%" fill="#000"/><g transform="translate(${centreX.toFixed(2)} ${centreY.toFixed(2)})" fill="none" stroke="#fff" stroke-width="${STROKE}" stroke-linecap="round" stroke-linejoin="round">${letters.join("")}</g></svg>`;
  const { data, info } = await sharp(Buffer.from(svg))
    .removeAlpha()
    .extractChannel(0)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return info.channels === 1 ? data : data.filter((_, index) => index % info.channels === 0);
}
