"""Validates ACH files with the package achkit, which knows nothing of our writer.

    validate_nacha.py FILE...            prints "FILE: valid", or the errors; `-` is standard input
    validate_nacha.py --vectors FILE     holds achkit's verdicts against the field achkit_errors of a vector file

Exit codes: 0 all valid (or all verdicts as expected), 1 not, 2 the call is wrong or the package is missing.
"""

import json
import pathlib
import sys

try:
    import achkit
except ImportError as missing:
    print(f"{missing}: install achkit, as cargo xtask test does", file=sys.stderr)
    sys.exit(2)


def errors(text: str) -> list[str]:
    """achkit's complaints, as codes with their texts; none for a valid file."""
    found = achkit.validate(text)["errors"]
    return [f"{error['code']} {error.get('message', '')}".strip() for error in found]


def validate_files(names: list[str]) -> bool:
    all_valid = True
    for name in names:
        text = sys.stdin.read() if name == "-" else pathlib.Path(name).read_text(encoding="ascii")
        found = errors(text)
        print(f"{name}: {'valid' if not found else 'not valid'}")
        for error in found:
            print(f"  {error}")
        all_valid = all_valid and not found
    return all_valid


def validate_vectors(name: str) -> bool:
    cases = json.loads(pathlib.Path(name).read_text(encoding="utf-8"))["cases"]
    wrong = 0
    for case in cases:
        codes = {error.split(" ")[0] for error in errors(case["file_text"])}
        if codes != set(case["achkit_errors"]):
            print(f"{case['name']}: expected {case['achkit_errors']}, found {sorted(codes)}")
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
    except (OSError, UnicodeError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
