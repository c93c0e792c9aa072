"""Validates pain.001 files against the official schema of their version, which the package sepaxml carries.

    validate_pain001.py FILE...            prints "FILE: valid", or the errors; `-` is standard input
    validate_pain001.py --vectors FILE     holds the verdicts against the field xsd_valid of a vector file

Exit codes: 0 all valid (or all verdicts as expected), 1 not, 2 the call is wrong or a package is missing.
"""

import json
import pathlib
import re
import sys

try:
    import sepaxml
    from lxml import etree
except ImportError as missing:
    print(f"{missing}: install lxml and sepaxml, as cargo xtask test does", file=sys.stderr)
    sys.exit(2)

SCHEMAS = pathlib.Path(sepaxml.__file__).parent / "schemas"
NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:(pain\.001\.001\.\d\d)\}Document")
# No external entity is ever fetched.
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def errors(content: bytes, version: str | None = None) -> list[str]:
    """The schema's complaints; none for a valid file. Without a version the file's own namespace decides."""
    try:
        document = etree.fromstring(content, PARSER)
    except etree.XMLSyntaxError as error:
        return [f"no XML: {error}"]
    declared = NAMESPACE.fullmatch(document.tag)
    if not declared:
        return [f"no pain.001 document: {document.tag}"]
    schema_file = SCHEMAS / f"{version or declared.group(1)}.xsd"
    if not schema_file.exists():
        return [f"no schema for {declared.group(1)}"]
    schema = etree.XMLSchema(etree.parse(str(schema_file), PARSER))
    if schema.validate(document):
        return []
    return [f"line {error.line}: {error.message}" for error in schema.error_log]


def validate_files(names: list[str]) -> bool:
    all_valid = True
    for name in names:
        content = sys.stdin.buffer.read() if name == "-" else pathlib.Path(name).read_bytes()
        found = errors(content)
        print(f"{name}: {'valid' if not found else 'not valid'}")
        for error in found:
            print(f"  {error}")
        all_valid = all_valid and not found
    return all_valid


def validate_vectors(name: str) -> bool:
    cases = json.loads(pathlib.Path(name).read_text(encoding="utf-8"))["cases"]
    wrong = 0
    for case in cases:
        found = errors(case["xml"].encode("utf-8"), case["schema"])
        if (not found) != case["xsd_valid"]:
            print(f"{case['name']}: expected xsd_valid {case['xsd_valid']}, found {found or 'valid'}")
            wrong += 1
    print(f"{name}: {len(cases) - wrong} of {len(cases)} verdicts as expected")
    return wrong == 0 and len(cases) > 0


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "--vectors":
        return 0 if validate_vectors(arguments[1]) else 1
    if not arguments or any(argument.startswith("--") for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return 0 if validate_files(arguments) else 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
