"""The second steps, one module each: authenticator app, SMS, passkey, backup codes. `identity.second_step` has all."""
