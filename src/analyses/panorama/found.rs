//! The results of other analyses that a panorama is made with.

use crate::analyses::packets::Packets;
use crate::analyses::stalls::Stalls;
use crate::analyses::windows::Windows;

/// What the panorama marks, and shows whole.
pub struct Found<'f> {
    /// The stalls of the selection.
    pub stalls: &'f Stalls,
    /// Its windows, if it has any.
    pub windows: Option<&'f Windows>,
    /// Its packets, if it tells of any.
    pub packets: Option<&'f Packets>,
}
