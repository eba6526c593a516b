"""The story of a batch: one file, many jobs.

    arrivals   a file is asked for, comes, or is dropped in; a batch begins, once
    reading    its rows are checked and kept, before anything is painted
    conveyor   rows become jobs, a few at a time, and jobs are counted
    closing    results and errors are written, and it is over
    sweeping   what stands still is moved

Nothing is painted before every row has been read: a file that turns out unreadable has cost nothing.
"""
