"""What a pod runs, with files that all pods see as its input: python -m tests.flows.pod_process FOLDER OUTPUT PATH...

The settings come from the environment. The command line refuses files with pods; pods on one machine share them.
"""

import sys
from pathlib import Path

from msgspec.structs import replace

from flows.checkpoints.errors import CheckpointError
from flows.checkpoints.opening import open_for
from flows.checkpoints.shares import made_for
from flows.configuration import configure
from flows.console import EXIT_FAILED, complain
from flows.inputs import expand
from flows.run import dealt, run
from flows.work import Options

MODULE = "tests.flows.pod_process"


def main(folder: str, output: str, *paths: str) -> int:
    configuration = configure()
    pods = configuration.settings.pods
    assert pods is not None
    options = Options(
        paths=expand(list(paths)),
        output=output,
        checkpoint=folder,
        processes=len(pods.addresses),
        pod=pods.ordinal,
        follow=True,
    )
    try:
        made_for(Path(folder), pods.ordinal, len(pods.addresses))
        opened = open_for(Path(folder), configuration)
    except CheckpointError as error:
        complain(str(error))
        return EXIT_FAILED
    return run(options, configuration, replace(dealt(options.paths, {}), manifest=opened.manifest))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
