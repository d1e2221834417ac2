//! HTTP: the SDK's routes, the API's description and page, the admin listener.
