// Numbers in the reader's format, in both directions: the page comes in the plain form (12,500.00 EUR), which is also what
// the service takes. A field that holds a number is filled and read in the reader's; a text that is none goes as it is.
// An amount has its currency where and as the reader's format has it; in a field, which is typed into, it is the code.

const forms = new Map();
const formOf = (digits, currency = "") => {
  const key = `${digits}${currency}`;
  if (!forms.has(key)) {
    const style = currency ? { style: "currency", currency } : {};
    forms.set(key, new Intl.NumberFormat(undefined, { numberingSystem: "latn", minimumFractionDigits: digits, maximumFractionDigits: digits, ...style }));
  }
  return forms.get(key);
};
const mark = Object.fromEntries(formOf(1).formatToParts(1234567.8).map((part) => [part.type, part.value]));
const FIGURE = /(?<![\w.,:-])-?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?!(?!x\b)\w|[:-]|[.,]\d)(?: ([A-Z]{3})\b)?/g;
const CURRENCIES = new Set(Intl.supportedValuesOf("currency"));
const PLACES = "td.number, .tile b, .head .chip, .line.figures, .column > header, [data-figures], .chart text";
const done = new WeakSet();

const even = (text) => text.replace(/[\s'’]/g, (sign) => (/\s/.test(sign) ? " " : "'"));

function written(text, withCode = false) {
  return text.replace(FIGURE, (found, whole, fraction = "", code = "") => {
    const digits = Math.max(fraction.length - 1, 0);
    const currency = !withCode && CURRENCIES.has(code) ? code : "";
    if (!digits && !whole.includes(",") && !currency) return found;
    const figure = found.slice(0, found.length - (code && code.length + 1)).replaceAll(",", "");
    return formOf(digits, currency).format(figure) + (code && !currency ? ` ${code}` : "");
  });
}

/** The code of the currency that the reader's format writes so; the text itself where it writes none so. */
function codeOf(sign) {
  const isSo = (code) => formOf(0, code).formatToParts(1).some((part) => part.type === "currency" && part.value === sign);
  return [...CURRENCIES].find(isSo) ?? sign;
}

function read(text) {
  const found = text.trim().match(/^([^\d]*)(\d(?:[\d.,'’\s]*\d)?)([^\d]*)$/);
  if (!found) return text;
  const [whole, fraction = "", ...more] = even(found[2]).split(mark.decimal);
  const group = even(mark.group ?? " ");
  const digits = whole.replaceAll(group, "");
  const isGrouped = digits !== whole;
  if (more.length || !/^\d+$/.test(digits) || !/^\d*$/.test(fraction)) return text;
  if (isGrouped && even(formOf(0).format(BigInt(digits))) !== whole) return text;
  const number = `${digits}${fraction && `.${fraction}`}`;
  const sign = `${found[1]}${found[3]}`.trim();
  return /[^\w\s%-]/.test(sign) ? `${number} ${codeOf(sign)}` : `${found[1]}${number}${found[3]}`;
}

/** The numbers of a part of a page, and its fields that hold one. */
export function figures(root) {
  for (const place of root.querySelectorAll(PLACES)) {
    const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      if (done.has(text)) continue;
      done.add(text);
      if (/\d[.,]\d|\d [A-Z]{3}\b/.test(text.data)) text.data = written(text.data);
    }
  }
  for (const field of root.querySelectorAll("input[data-number]")) {
    if (done.has(field)) continue;
    done.add(field);
    field.value = written(field.value, true);
    field.form?.addEventListener("formdata", (event) => event.formData.set(field.name, read(field.value)));
  }
}
