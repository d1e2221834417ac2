//! The router as its callers see it. One module per noun, as in `src/v1`.

mod openapi;
