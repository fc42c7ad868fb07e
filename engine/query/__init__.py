"""The query language: text and Mongo-like filters become one `Filter` tree. Pure, no I/O."""
