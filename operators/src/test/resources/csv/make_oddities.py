"""Writes oddities.json: CSV files that are odd, and what Python's csv makes of each.

python3 make_oddities.py > oddities.json
"""

import base64
import csv
import io
import json

ODDITIES = {
    "plain": "id,text\n1,one\n2,two\n",
    "no line end at the end": "id,text\n1,one\n2,two",
    "carriage returns and line feeds": "id,text\r\n1,one\r\n2,two\r\n",
    "carriage returns alone": "id,text\r1,one\r2,two\r",
    "mixed line ends": "id,text\n1,one\r\n2,two\r3,three\n",
    "quoted cells": 'id,text\n"1","one"\n"2","two"\n',
    "quoted header": '"id","te""xt"\n1,one\n',
    "a separator in quotes": 'id,text\n1,"one, two"\n2,three\n',
    "a line feed in quotes": 'id,text\n1,"one\ntwo"\n2,three\n',
    "line ends of all kinds in quotes": 'id,text\n1,"a\r\nb\rc\nd"\n2,three\n',
    "line feeds in the header": '"i\nd",text\n1,one\n',
    "doubled quotes": 'id,text\n1,"he said ""no"""\n2,""""\n3,""""""\n',
    "a quote within a plain cell": 'id,text\n1,five" wide\n2,a"b"c\n',
    "text behind a closing quote": 'id,text\n1,"a"b\n2,"a"b"c"\n3,"a" ,x\n',
    "a blank before a quote": 'id,text\n1, "a"\n',
    "empty cells": "id,text\n,\n1,\n,one\n",
    "empty quoted cells": 'id,text\n"",""\n1,""\n',
    "short rows": "id,text,more\n1\n2,two\n3,three,x\n",
    "long rows": "id,text\n1,one,more\n2,two\n",
    "a separator at the end": "id,text,\n1,one,\n",
    "empty lines": "\n\nid,text\n\n1,one\n\r\n\n2,two\n\n",
    "blanks kept": "id , text\n 1 , one \n",
    "a line of blanks": "id,text\n   \n1,one\n",
    "byte order mark": "\ufeffid,text\n1,one\n",
    "byte order mark before a quote": '\ufeff"id",text\n1,one\n',
    "semicolons": ("id;text\n1;one, two\n2;\"a;b\"\n", ";"),
    "tabs": ("id\ttext\n1\tone, two\n2\t\"a\tb\"\n", "\t"),
    "bars": ("id|text\n1|one\n", "|"),
    "beyond ASCII": "id,text\n1,Grüße ☕ 😀\n2,\uf000\ufeffx\n",
    "a first letter like a byte order mark": "！id,text\n1,one\n",
    "one column": "text\none\n\n\"\"\ntwo\n",
    "a header alone": "id,text\n",
    "a header alone, without its line end": "id,text",
    "an empty file": "",
    "line ends alone": "\n\r\n\n",
    "control characters": "id,text\n1,a\x0bb\x0cc\x1cd\u0085e\u2028f\n",
    "a number that is none": "id,text\n1,1e400\n2,=1+1\n",
}


def main():
    cases = []
    for name, given in ODDITIES.items():
        text, delimiter = given if isinstance(given, tuple) else (given, ",")
        data = text.encode("utf-8")
        lines = io.StringIO(data.decode("utf-8-sig"), newline="")
        records = [r for r in csv.reader(lines, delimiter=delimiter) if r]
        cases.append(
            {
                "name": name,
                "delimiter": delimiter,
                "bytes": base64.b64encode(data).decode("ascii"),
                "records": records,
            }
        )
    print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")


if __name__ == "__main__":
    main()
