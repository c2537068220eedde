//! `stallgraph chart`: order, widths and colours of what it draws, read back by an XML parser; that
//! it is well-formed whatever names the recording holds, and of a size that a browser can show.

mod colours;
mod drawing;
mod limits;
mod order;
