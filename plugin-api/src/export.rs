//! The export side: what [`export_plugins!`](crate::export_plugins) expands to.
//!
//! Everything here is compiled into the plugin, so that a panic of the
//! author's code is caught before it meets the border.

use abi_stable::{
    library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
    prefix_type::PrefixTypeTrait,
    std_types::{RResult, RStr},
};

use crate::{
    Backend, EmailNotification, Error, ErrorKind, ExternalAuth, Host, HttpRoutes, IdentityProvider,
    Metadata, Result,
    abi::{Failure, HostBox, PluginBox, PluginModule, PluginModule_Ref},
    config, logger,
};

mod guard;
mod shim;

pub(crate) use guard::{caught, guard, panic_text, panics_here};
use shim::{
    BackendShim, EmailNotificationShim, ExternalAuthShim, HttpShim, IdentityProviderShim,
    MetadataShim, Shim,
};

/// What the macro makes of a list of plugins.
#[doc(hidden)]
pub trait Library: 'static {
    /// Makes the plugin of this kind and name.
    fn create(kind: &str, name: &str, config: &str, host: Host) -> Result<PluginBox>;
}

/// What the file exports.
#[doc(hidden)]
#[must_use]
#[allow(unsafe_code, reason = "abi_stable's constructor of a header")]
pub const fn header<L: Library>() -> LibHeader {
    // SAFETY: `root` erases a `PluginModule_Ref`, the type named here.
    unsafe { LibHeader::from_constructor::<PluginModule_Ref>(root::<L>, CheckTypeLayout::Yes) }
}

/// Makes a backend; also what the test harness does.
#[doc(hidden)]
pub fn backend<T: Backend>(config: &str, host: Host) -> Result<PluginBox> {
    let plugin = T::new(config::read(config)?, host.clone())?;
    Ok(Shim::new(BackendShim(plugin), host).into_object())
}

/// Makes a metadata plugin; also what the test harness does.
#[doc(hidden)]
pub fn metadata<T: Metadata>(config: &str, host: Host) -> Result<PluginBox> {
    let plugin = T::new(config::read(config)?, host.clone())?;
    Ok(Shim::new(MetadataShim(plugin), host).into_object())
}

/// Makes an identity provider; also what the test harness does.
#[doc(hidden)]
pub fn identity_provider<T: IdentityProvider>(config: &str, host: Host) -> Result<PluginBox> {
    let plugin = T::new(config::read(config)?, host.clone())?;
    Ok(Shim::new(IdentityProviderShim(plugin), host).into_object())
}

/// Makes an external-authentication plugin; also what the test harness does.
#[doc(hidden)]
pub fn external_auth<T: ExternalAuth>(config: &str, host: Host) -> Result<PluginBox> {
    let plugin = T::new(config::read(config)?, host.clone())?;
    Ok(Shim::new(ExternalAuthShim(plugin), host).into_object())
}

/// Makes an e-mail plugin; also what the test harness does.
#[doc(hidden)]
pub fn email_notification<T: EmailNotification>(config: &str, host: Host) -> Result<PluginBox> {
    let plugin = T::new(config::read(config)?, host.clone())?;
    Ok(Shim::new(EmailNotificationShim(plugin), host).into_object())
}

/// Makes an HTTP plugin; also what the test harness does.
#[doc(hidden)]
pub fn http<T: HttpRoutes>(config: &str, host: Host) -> Result<PluginBox> {
    let plugin = T::new(config::read(config)?, host.clone())?;
    Ok(Shim::new(HttpShim(plugin), host).into_object())
}

/// The answer to a name that is not in the file.
#[doc(hidden)]
#[must_use]
pub fn no_such(kind: &str, name: &str) -> Error {
    let text = format!("no {kind} plugin named {name:?} in this library");
    Error::new(ErrorKind::Unsupported, text)
}

extern "C" fn root<L: Library>() -> RootModuleResult {
    __call_root_module_loader(root_module::<L>)
}

fn root_module<L: Library>() -> PluginModule_Ref {
    // Here, and not for each plugin: in a test program that has plugins linked
    // in, log and panic hook belong to the program.
    logger::install();
    PluginModule { create: create::<L> }.leak_into_prefix()
}

extern "C" fn create<L: Library>(
    kind: RStr<'_>,
    name: RStr<'_>,
    config: RStr<'_>,
    host: HostBox,
) -> RResult<PluginBox, Failure> {
    let host = Host::new(host);
    let made = guard(&host, || {
        logger::remember(&host);
        L::create(&kind, &name, &config, host.clone())
    });
    made.map_err(Failure::from).into()
}

/// Exports plugins: one file may hold several, of several kinds. Each line
/// gives the kind, the name by which the plugin is enabled, and the type.
///
/// Used once, in a crate of type `cdylib`:
///
/// ```toml
/// [lib]
/// crate-type = ["cdylib"]
/// ```
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// struct Closed;
///
/// impl Backend for Closed {
///     type Config = NoConfig;
///     fn new(_config: NoConfig, _host: Host) -> Result<Self> {
///         Ok(Self)
///     }
///     fn verify_password(&self, _login: &str, _password: &str, _args: &mut Args) -> Result<bool> {
///         Ok(false)
///     }
/// }
///
/// struct Department;
///
/// impl Metadata for Department {
///     type Config = NoConfig;
///     fn new(_config: NoConfig, _host: Host) -> Result<Self> {
///         Ok(Self)
///     }
/// }
///
/// export_plugins! {
///     backend  "closed"     => Closed,
///     metadata "department" => Department,
/// }
/// ```
///
/// Two of the same kind and name do not compile:
///
/// ```compile_fail
/// # use wazo_auth_plugin_api::prelude::*;
/// # struct Department;
/// # impl Metadata for Department {
/// #     type Config = NoConfig;
/// #     fn new(_config: NoConfig, _host: Host) -> Result<Self> { Ok(Self) }
/// # }
/// export_plugins! {
///     metadata "department" => Department,
///     metadata "department" => Department,
/// }
/// ```
#[macro_export]
macro_rules! export_plugins {
    ($($kind:ident $name:literal => $plugin:ty),+ $(,)?) => {
        const _: () = {
            const SOURCE: $crate::manifest::Source = $crate::manifest::Source {
                package: match ::core::option_env!("CARGO_PKG_NAME") {
                    ::core::option::Option::Some(name) => name,
                    ::core::option::Option::None => "unknown",
                },
                version: match ::core::option_env!("CARGO_PKG_VERSION") {
                    ::core::option::Option::Some(version) => version,
                    ::core::option::Option::None => "unknown",
                },
                unwinds: ::core::cfg!(panic = "unwind"),
                plugins: &[$((::core::stringify!($kind), $name)),+],
            };
            const LENGTH: usize = $crate::manifest::length(&SOURCE);

            #[used]
            #[unsafe(link_section = ".wazo_auth_plugin")]
            static MANIFEST: [u8; LENGTH] = $crate::manifest::bytes(&SOURCE);

            struct Library;

            impl $crate::export::Library for Library {
                fn create(
                    kind: &str,
                    name: &str,
                    config: &str,
                    host: $crate::Host,
                ) -> $crate::Result<$crate::abi::PluginBox> {
                    $(if kind == ::core::stringify!($kind) && name == $name {
                        return $crate::__create_plugin!($kind, $plugin)(config, host);
                    })+
                    // A use of the manifest: no linker may then drop it.
                    ::core::hint::black_box(&MANIFEST);
                    $crate::Result::Err($crate::export::no_such(kind, name))
                }
            }

            // The name that abi_stable's loaders look for; checked by a test.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: $crate::export::Header = $crate::export::header::<Library>();
        };
    };
}

/// The function that makes a plugin of a kind; an unknown kind does not compile:
///
/// ```compile_fail
/// wazo_auth_plugin_api::export_plugins! { bakend "acme" => () }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __create_plugin {
    (backend, $plugin:ty) => {
        $crate::export::backend::<$plugin>
    };
    (metadata, $plugin:ty) => {
        $crate::export::metadata::<$plugin>
    };
    (identity_provider, $plugin:ty) => {
        $crate::export::identity_provider::<$plugin>
    };
    (external_auth, $plugin:ty) => {
        $crate::export::external_auth::<$plugin>
    };
    (email_notification, $plugin:ty) => {
        $crate::export::email_notification::<$plugin>
    };
    (http, $plugin:ty) => {
        $crate::export::http::<$plugin>
    };
    ($kind:ident, $plugin:ty) => {
        ::core::compile_error!(::core::concat!(
            "`",
            ::core::stringify!($kind),
            "` is no kind of plugin: write `backend`, `identity_provider`, `metadata`, `external_auth`, `email_notification` or `http`"
        ))
    };
}

#[doc(hidden)]
pub type Header = LibHeader;

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_name_is_the_one_that_loaders_look_for() {
        let name = abi_stable::library::ROOT_MODULE_LOADER_NAME;
        assert_eq!(name, "_1as_0lib_1header_0root_bmodule_bloader");
    }
}
