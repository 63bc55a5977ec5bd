//! Write plugins for wazo-auth: traits, export macro, manifest, test harness.
