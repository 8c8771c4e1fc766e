"""Training the runs of a study: plans, leases, workers, executors and launchers.

`adamcmp.execution.execute.execute` is the entry point. It calls the steps of the pipeline in order.

Terms of this package:

- *Plan*: the runs that a command is going to train, divided into *shares* of lane groups. An open
  plan is a file in the study's folder ``queue``. A *standing* plan stays open until its runs are
  stored; an *attached* plan is removed when the process that made it ends.
- *Worker*: a process that reserves shares and trains their runs, such as ``adamcmp worker`` or a
  command that trains its own plan. Its scheduler runs the groups on an *executor*: in *worker
  processes* (``pool``) or in the worker itself (``serial``).
- *Lease*: the file with which a worker reserves a share. It holds while the *heartbeat* of the
  worker, a file that it rewrites at intervals, changes.
- *Job*: what a *launcher* starts on a cluster: a worker, or one on each GPU of the job.
"""
