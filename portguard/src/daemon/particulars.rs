//! What is known of a generation beside its tables, and kept with it: for the process that adopts it, and for whoever
//! asks what is in force.

use serde::{Deserialize, Serialize};

use crate::{
    compile::ImageInterface,
    datapath::Generation,
    matrix::{Matrix, Mode, Origin, Outbound, Posture},
    observe::Chart,
};

/// Raised when [`Particulars`] change their meaning.
const FORMAT: u32 = 2;

/// A product of the site, and the policy that it follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductInForce {
    /// Its name on the site.
    pub product: String,
    /// The policy's name.
    pub policy: String,
    /// The vendor's page that the policy rests on.
    pub document: String,
    /// How many of its rules are in the matrix.
    pub rules: usize,
}

/// What is known of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Particulars {
    format: u32,
    /// The version that loaded it.
    pub(super) portguard: String,
    /// Which filter it belongs to: its generations count on, one after the other.
    pub(super) instance: String,
    /// The site file.
    pub(super) site: String,
    /// Who or what had it loaded.
    pub(super) by: String,
    /// When, in seconds since 1970.
    pub(super) since: u64,
    pub(super) mode: Mode,
    pub(super) posture: Posture,
    /// The same of what leaves; none: it is not looked at.
    #[serde(default)]
    pub(super) outbound: Option<Outbound>,
    /// The image's digest.
    pub(super) image: String,
    pub(super) rules: usize,
    pub(super) products: Vec<ProductInForce>,
    pub(super) interfaces: Vec<ImageInterface>,
    pub(super) chart: Chart,
}

/// How a generation came to be.
#[derive(Clone, Debug)]
pub(super) struct Provenance {
    pub(super) site: String,
    pub(super) by: String,
    pub(super) since: u64,
}

impl Particulars {
    pub(super) fn new(
        matrix: &Matrix,
        image: &crate::compile::Image,
        Provenance { site, by, since }: Provenance,
        instance: String,
    ) -> Self {
        Self {
            format: FORMAT,
            portguard: env!("CARGO_PKG_VERSION").to_owned(),
            instance,
            site,
            by,
            since,
            mode: matrix.mode,
            posture: matrix.posture,
            outbound: matrix.outbound,
            image: image.digest().to_string(),
            rules: matrix.rules.len(),
            products: products(matrix),
            interfaces: image.interfaces().to_vec(),
            chart: Chart::new(image.legend(), matrix),
        }
    }

    /// Those of a pinned generation; `None` where another version wrote them in another way.
    pub(super) fn of(generation: &Generation) -> Option<Self> {
        serde_json::from_str(generation.words()).ok().filter(|found: &Self| found.format == FORMAT)
    }

    /// As they are kept.
    pub(super) fn to_words(&self) -> String {
        serde_json::to_string(self).expect("a record of numbers and texts is JSON")
    }
}

/// A name that no other filter has, on this machine or another.
pub(super) fn new_instance() -> std::io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim_end().to_owned())
}

fn products(matrix: &Matrix) -> Vec<ProductInForce> {
    let mut products: Vec<ProductInForce> = Vec::new();
    for rule in &matrix.rules {
        let Origin::Document { product, policy, document, .. } = &rule.origin else { continue };
        match products.iter_mut().find(|known| known.product == *product) {
            Some(known) => known.rules += 1,
            None => products.push(ProductInForce {
                product: product.clone(),
                policy: policy.clone(),
                document: document.clone(),
                rules: 1,
            }),
        }
    }
    products
}
