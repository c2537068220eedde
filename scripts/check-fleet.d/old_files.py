"""Files of other versions of the schema, beside those of this one."""


def check(used, stallgraph, fleet, folder):
    del used, stallgraph, fleet, folder
