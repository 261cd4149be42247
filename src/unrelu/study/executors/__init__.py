"""Where the tasks of a study are answered: threads of this process, processes of this machine, a Dask cluster."""
