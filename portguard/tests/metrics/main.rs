//! Metrics, as text and over HTTP.

mod http;
mod text;
