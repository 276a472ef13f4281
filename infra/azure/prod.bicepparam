using 'main.bicep'

param environment = 'prod'
param location = 'westeurope'
param repository = 'codingflow/rating'
param tier = 'Standard'
param systemNodes = { size: 'Standard_D2ds_v5', least: 3, most: 5 }
param userNodes = { size: 'Standard_D4ds_v5', least: 1, most: 4 }
param logRetentionDays = 90
param encryption = true
param defender = true
param policy = true

// Of your own Entra tenant: `az ad group show --group NAME --query id`.
param administratorGroups = ['00000000-0000-0000-0000-000000000000']
param vaultAdministratorGroup = '00000000-0000-0000-0000-000000000000'
