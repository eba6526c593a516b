"""The story of a job, one module a chapter.

    submissions   a request becomes an accepted job, and the job an execution
    calls         pictures asked for in one breath, and asked for again
    listings      what there is to choose from
    releases      which version of a template or the policy is in force
    renders       a task becomes an attempt: planned, cached or painted, stored
    waits         a task token and its wake-up meet
    verdicts      a final is verified: accept, repair or reject
    milestones    drafts are in; somebody decided; it is over
    decisions     what people say: approve, reject, more, cancel
    sweep         what stands still is moved

Each chapter that acts is a frozen class of collaborators; its methods, rollbacks aside, may be repeated with the same
input at any time.
"""
