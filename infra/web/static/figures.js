// Numbers in the reader's format, in both directions: the page comes in the plain form (12,500.00), which is also what
// the service takes. A field that holds a number is filled and read in the reader's; a text that is none goes as it is.

const format = new Intl.NumberFormat(undefined, { numberingSystem: "latn" });
const mark = Object.fromEntries(format.formatToParts(1234567.8).map((part) => [part.type, part.value]));
const isPlain = format.format(1234567.8) === "1,234,567.8";
const FIGURE = /(?<![\w.,:-])-?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?!(?!x\b)\w|[:-]|[.,]\d)/g;
const PLACES = "td.number, .tile b, .head .chip, .line.figures, .column > header, [data-figures], .chart text";
const done = new WeakSet();

const even = (text) => text.replace(/[\s'’]/g, (sign) => (/\s/.test(sign) ? " " : "'"));

function written(text) {
  return text.replace(FIGURE, (figure, whole, fraction = "") => {
    const digits = Math.max(fraction.length - 1, 0);
    if (!digits && !whole.includes(",")) return figure;
    return new Intl.NumberFormat(undefined, { numberingSystem: "latn", minimumFractionDigits: digits, maximumFractionDigits: digits })
      .format(figure.replaceAll(",", ""));
  });
}

function read(text) {
  const found = text.trim().match(/^([^\d]*)(\d(?:[\d.,'’\s]*\d)?)([^\d]*)$/);
  if (!found) return text;
  const [whole, fraction = "", ...more] = even(found[2]).split(mark.decimal);
  const group = even(mark.group ?? " ");
  const digits = whole.replaceAll(group, "");
  const isGrouped = digits !== whole;
  if (more.length || !/^\d+$/.test(digits) || !/^\d*$/.test(fraction)) return text;
  if (isGrouped && even(format.format(BigInt(digits))) !== whole) return text;
  return `${found[1]}${digits}${fraction && `.${fraction}`}${found[3]}`;
}

/** The numbers of a part of a page, and its fields that hold one. */
export function figures(root) {
  if (isPlain) return;
  for (const place of root.querySelectorAll(PLACES)) {
    const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      if (done.has(text)) continue;
      done.add(text);
      if (/\d[.,]\d/.test(text.data)) text.data = written(text.data);
    }
  }
  for (const field of root.querySelectorAll("input[data-number]")) {
    if (done.has(field)) continue;
    done.add(field);
    field.value = written(field.value);
    field.form?.addEventListener("formdata", (event) => event.formData.set(field.name, read(field.value)));
  }
}
