//! Answers that no plugin of the SDK could give.

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr, RString, RVec},
};
use wazo_auth_plugin_api::abi::{Failure, Frame, PluginApi, PluginApi_TO, PluginBox};

struct Raw(fn() -> RString);

impl PluginApi for Raw {
    fn call(&self, _: RStr<'_>, _: RStr<'_>, _: RSlice<'_, u8>) -> RResult<Frame, Failure> {
        RResult::ROk(Frame { head: (self.0)(), body: RVec::new() })
    }
}

pub fn object(answer: fn() -> RString) -> PluginBox {
    PluginApi_TO::from_value(Raw(answer), TD_Opaque)
}

pub fn text(text: &str) -> RString {
    text.into()
}

/// Of pages that nobody has touched: it takes an address and no memory.
pub fn gigabyte() -> RString {
    let zeros = vec![0_u8; 1024 * 1024 * 1024];
    unsafe { String::from_utf8_unchecked(zeros) }.into()
}

pub fn invalid_utf8() -> RString {
    let bytes = b"{\"verified\": true, \"\xff\xfe\xc0\": \"\xed\xa0\x80\"}".to_vec();
    unsafe { String::from_utf8_unchecked(bytes) }.into()
}

pub fn deep() -> RString {
    format!("{{\"verified\": true, \"args\": {{\"a\": {}{}}}}}", "[".repeat(100_000), "]".repeat(100_000)).into()
}
