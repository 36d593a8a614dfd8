"""What the cluster's own controllers do when a CronJob's time has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulation.clock import MILLISECOND, MINUTE, SECOND, second_time
from simulation.json import Json
from simulation.kubernetes.conditions import labelled
from simulation.kubernetes.objects import body, job_spec, owner, template_of
from simulation.kubernetes.requests import Client
from simulation.stencil import hole

if TYPE_CHECKING:
    from simulation.cluster import Cluster
    from simulation.kubernetes.pods import Pod
    from simulation.kubernetes.workloads import Workload
    from simulation.schedule import Life

KEPT = 3
"""Jobs of a CronJob that are kept after their end."""


def run_job(workload: Workload, seconds: int, work: Callable[[Pod], Life] | None = None) -> Life:
    """A CronJob's time has come: a Job, its pod that runs so many seconds, and their end.

    `work` is what its pod does at the API server meanwhile. The last Jobs are kept, with their pods.
    """
    cluster = workload.cluster
    author, worker = (cluster.identities.controller(f"{kind}-controller") for kind in ("cronjob", "job"))
    held = _created(workload, author)
    yield 30 * MILLISECOND
    pod = workload.add_pod(owned_by=held)
    started = {"startTime": held["metadata"]["creationTimestamp"], "terminating": 0, "uncountedTerminatedPods": {}}
    held = cluster.api.update(worker, held, {"status": {**started, "active": 1, "ready": 0}}, subresource="status")
    yield 3 * SECOND
    if work is not None:
        yield from work(pod)
    yield seconds * SECOND
    workload.complete(pod)
    yield 40 * MILLISECOND
    yield from _counted(workload, held, pod, started)


def _created(workload: Workload, author: Client) -> Json:
    cluster = workload.cluster
    api, cron_job = cluster.api, workload.held()
    meta = cron_job["metadata"]
    name = f"{meta['name']}-{cluster.now // MINUTE}"
    annotations = {"batch.kubernetes.io/cronjob-scheduled-timestamp": second_time(cluster.now)}
    about = {"annotations": annotations, "ownerReferences": owner(cron_job)}
    sent = body("Job", name, meta["namespace"], meta=about, spec=job_spec(workload.spec), status={})
    held = api.create(author, sent, mark=workload.mark)
    held |= labelled(held)
    cluster.tell("cronjob-controller", cron_job, "SuccessfulCreate", f"Created job {name}", mark=workload.mark)
    known = {key: held["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    active = {"kind": "Job", "apiVersion": "batch/v1", **known}
    _scheduled(workload, author, {"active": [active], "lastScheduleTime": second_time(cluster.now)})
    return held


def _counted(workload: Workload, held: Json, pod: Pod, started: Json) -> Life:
    """The job controller sees that the pod has ended; the oldest Job makes room."""
    cluster = workload.cluster
    api, now = cluster.api, second_time(cluster.now)
    if api.held("Job", workload.namespace, held["metadata"]["name"]) is None:
        return
    worker, author = (cluster.identities.controller(f"{kind}-controller") for kind in ("job", "cronjob"))
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    told = {"reason": "CompletionsReached", "message": "Reached expected number of succeeded pods"}
    met, complete = ({"type": kind, "status": "True", **times, **told} for kind in ("SuccessCriteriaMet", "Complete"))
    status = {"conditions": [met], **started, "uncountedTerminatedPods": {"succeeded": [pod.uid]}, "ready": 0}
    held = api.update(worker, held, {"status": status}, subresource="status")
    if workload.forms is not None:
        workload.forms.send(workload.forms.untracked, pod)
    status = {"conditions": [met, complete], **started, "completionTime": now, "succeeded": 1, "ready": 0}
    held = api.update(worker, held, {"status": status}, subresource="status")
    cluster.tell("job-controller", held, "Completed", "Job completed")
    saw = f"Saw completed job: {held['metadata']['name']}, condition: Complete"
    cluster.tell("cronjob-controller", workload.held(), "SawCompletedJob", saw)
    times = {"lastScheduleTime": started["startTime"], "lastSuccessfulTime": now}
    _scheduled(workload, author, times)
    workload.history.append(held)
    yield 60 * MILLISECOND
    while len(workload.history) > KEPT:
        yield from clear(workload, workload.history[0], author)


def any_job(cron_job: Json) -> Json:
    """Whatever Job of a CronJob: its name and uid are holes."""
    meta = {"namespace": cron_job["metadata"]["namespace"], "uid": hole("job_uid"), "resourceVersion": hole("version")}
    held = body("Job", hole("job"), meta=meta, spec=job_spec(template_of(cron_job)["spec"]))
    return held | labelled(held)


def clear(workload: Workload, job: Json, client: Client) -> Life:
    """Somebody deletes a Job that has ended, and the garbage collector its pod."""
    if job not in workload.history:
        return
    workload.history.remove(job)
    cluster: Cluster = workload.cluster
    cluster.api.delete(client, job, {"propagationPolicy": "Background"})
    yield 80 * MILLISECOND
    uid = job["metadata"]["uid"]
    for pod in [pod for pod in workload.ended if pod.values.get("job_uid") == uid]:
        workload.collect(pod)


def _scheduled(workload: Workload, author: Client, status: Json) -> None:
    held = workload.held()
    if workload.cluster.api.held("CronJob", workload.namespace, workload.name) is not None:
        workload.object = workload.cluster.api.update(author, held, {"status": status}, subresource="status")
