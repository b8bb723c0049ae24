"""The simulation study of the report (Fu, 2019, Table 1), done again; and one beyond it."""
