// The cluster vouches for the ServiceAccount `vault` in the namespace `rating`: k8s/components/key-vault.
param identityName string

@description('URL of the cluster\'s OIDC issuer.')
param issuer string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName

  resource vault 'federatedIdentityCredentials' = {
    name: 'vault'
    properties: {
      issuer: issuer
      subject: 'system:serviceaccount:rating:vault'
      audiences: ['api://AzureADTokenExchange']
    }
  }
}
