//! `stallgraph chart`: order, widths and colours of what it draws, read back by an XML parser. A
//! chart is well-formed whatever names the recording has, and small enough for a browser.

mod colours;
mod drawing;
mod limits;
mod order;
mod png;
mod scale;
mod stalls;
