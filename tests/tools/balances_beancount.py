"""Prints the balances of a beancount file, as account, currency, amount; 1 where beancount finds an error."""

import sys
from collections import defaultdict

from beancount import loader
from beancount.core import data


def main(path):
    entries, errors, _ = loader.load_file(path)
    for error in errors:
        print(f"{error.source.get('lineno')}: {error.message}", file=sys.stderr)
    sums = defaultdict(int)
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                sums[posting.account, posting.units.currency] += posting.units.number
    for (account, currency), amount in sorted(sums.items()):
        print(account, currency, amount)
    return 1 if errors else 0


sys.exit(main(sys.argv[1]))
