"""Pictures of a run, and the page that holds them: one file of HTML that needs nothing else. Importing it loads no torch.

`page.write` makes the page. Each kind of picture is a function of its own, whose results show themselves in a notebook.
"""
