"use strict";
/* An XLSX file of one sheet: XML files in a ZIP archive, stored as they are (PKWARE APPNOTE 6.3). */

const OFFICE = "http://schemas.openxmlformats.org/";
const LONGEST_CELL = 32767;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function makeWorkbook(columns, rows) {
  const table = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  const lines = table.map((cells, line) =>
    `<row r="${line + 1}">${cells.map((cell, place) => writeCell(cell, nameCell(line, place))).join("")}</row>`);
  const main = `xmlns="${OFFICE}spreadsheetml/2006/main"`;
  const relation = `${OFFICE}officeDocument/2006/relationships`;
  const content = "application/vnd.openxmlformats-officedocument.spreadsheetml";
  return makeArchive({
    "[Content_Types].xml": `<Types xmlns="${OFFICE}package/2006/content-types">`
      + '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
      + `<Override PartName="/xl/workbook.xml" ContentType="${content}.sheet.main+xml"/>`
      + `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${content}.worksheet+xml"/></Types>`,
    "_rels/.rels": writeRelation(`${relation}/officeDocument`, "xl/workbook.xml"),
    "xl/workbook.xml": `<workbook ${main} xmlns:r="${relation}"><sheets>`
      + '<sheet name="ratings" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": writeRelation(`${relation}/worksheet`, "worksheets/sheet1.xml"),
    "xl/worksheets/sheet1.xml": `<worksheet ${main}><sheetData>${lines.join("")}</sheetData></worksheet>`,
  });
}

function writeRelation(type, target) {
  return `<Relationships xmlns="${OFFICE}package/2006/relationships">`
    + `<Relationship Id="rId1" Type="${type}" Target="${target}"/></Relationships>`;
}

function nameCell(line, place) {
  let letters = "";
  for (let rest = place + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return letters + (line + 1);
}

function writeCell(value, name) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value === "number") return `<c r="${name}"><v>${value}</v></c>`;
  const cut = String(value).slice(0, LONGEST_CELL);
  const text = cut.replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\r/g, "&#13;");
  return `<c r="${name}" t="inlineStr"><is><t xml:space="preserve">${text}</t></is></c>`;
}

function makeArchive(files) {
  const parts = [], directory = [];
  let offset = 0;
  for (const [name, xml] of Object.entries(files)) {
    const title = new TextEncoder().encode(name);
    const bytes = new TextEncoder().encode(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n${xml}`);
    // Version 2.0, names in UTF-8, stored, 1 January 1980, CRC-32, both sizes, length of the name.
    const common = [[20, 2], [0x800, 2], [0, 2], [0, 2], [33, 2], [findChecksum(bytes), 4],
      [bytes.length, 4], [bytes.length, 4], [title.length, 2], [0, 2]];
    const local = packNumbers([[0x04034b50, 4], ...common]);
    directory.push(packNumbers([[0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), title);
    parts.push(local, title, bytes);
    offset += local.length + title.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = Object.keys(files).length;
  const end = packNumbers([[0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2]]);
  return new Blob([...parts, ...directory, end], { type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" });
}

function packNumbers(numbers) {
  return Uint8Array.from(numbers.flatMap(([number, bytes]) =>
    Array.from({ length: bytes }, (_, place) => (number >>> (8 * place)) & 255)));
}

function findChecksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
