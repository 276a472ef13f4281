// Who does what, each with an identity of its own and no password: two of the cluster, one of a pod, and three of the GitHub
// workflow, one for each environment that its jobs run in.
@description('The names of the identities.')
param names object
param location string
param tags object
param environment string

@description('OWNER/NAME of the repository.')
param repository string

// AKS itself: load balancers, disks, addresses.
resource controlPlane 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.controlPlane
  location: location
  tags: tags
}

// The nodes: they pull images.
resource kubelet 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.kubelet
  location: location
  tags: tags
}

// External Secrets, as the ServiceAccount `vault`: it reads the vault.
resource secrets 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.secrets
  location: location
  tags: tags
}

// GitHub takes the place of a password: it vouches for a job that runs in the environment. Who may approve, and from which
// branch, is the environment's setting there.
resource plan 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.plan
  location: location
  tags: tags

  resource github 'federatedIdentityCredentials' = {
    name: 'github'
    properties: {
      issuer: 'https://token.actions.githubusercontent.com'
      subject: 'repo:${repository}:environment:${environment}-plan'
      audiences: ['api://AzureADTokenExchange']
    }
  }
}

resource push 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.push
  location: location
  tags: tags

  resource github 'federatedIdentityCredentials' = {
    name: 'github'
    properties: {
      issuer: 'https://token.actions.githubusercontent.com'
      subject: 'repo:${repository}:environment:${environment}-push'
      audiences: ['api://AzureADTokenExchange']
    }
  }
}

resource deploy 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.deploy
  location: location
  tags: tags

  resource github 'federatedIdentityCredentials' = {
    name: 'github'
    properties: {
      issuer: 'https://token.actions.githubusercontent.com'
      subject: 'repo:${repository}:environment:${environment}'
      audiences: ['api://AzureADTokenExchange']
    }
  }
}

output secretsClientId string = secrets.properties.clientId
output planClientId string = plan.properties.clientId
output planPrincipalId string = plan.properties.principalId
output pushClientId string = push.properties.clientId
output deployClientId string = deploy.properties.clientId
output deployPrincipalId string = deploy.properties.principalId
